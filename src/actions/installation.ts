/** In place of a project, for the keys of commands that concern the whole installation. */
export const INSTALLATION = "00000000-0000-0000-0000-000000000000";
