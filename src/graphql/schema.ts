import "reflect-metadata";
import { type GraphQLSchema, isInputObjectType } from "graphql";
import { buildSchemaSync, type PubSub } from "type-graphql";
import { guardRootFields } from "./guard.ts";
import { NodeResolver } from "./resolvers/node-resolver.ts";
import { ProjectResolver } from "./resolvers/project-resolver.ts";
import { RunMutations } from "./resolvers/run-mutations.ts";
import { RunnerResolver } from "./resolvers/runner-resolver.ts";
import { StageRunResolver, StepAttemptResolver, StepRunResolver } from "./resolvers/step-run-resolver.ts";
import { Subscriptions } from "./resolvers/subscriptions.ts";
import { ViewerResolver } from "./resolvers/viewer-resolver.ts";
import { WorkflowResolver, WorkflowVersionResolver } from "./resolvers/workflow-resolver.ts";
import { WorkflowRunResolver } from "./resolvers/workflow-run-resolver.ts";
import { DateTime } from "./scalars.ts";
import {
  RUN_EVENT_OBJECTS,
  RunEventResolver,
  StageStatusChangedResolver,
  StepStatusChangedResolver,
} from "./types/run-event.ts";
import { StatusReasonResolver } from "./types/status-reason.ts";
import { LogEnd, LogLines } from "./types/step-log.ts";
import { CaughtUp, Reset } from "./types/stream.ts";
import { USER_ERROR_TYPES } from "./user-errors.ts";

/** Inputs of which exactly one field must be given. */
const ONE_OF = new Set(["StreamPosition"]);

/** type-graphql asks for one as soon as there is a subscription; ours bring their own streams. */
const noPubSub: PubSub = {
  publish(): never {
    throw new Error("subscriptions follow the database, nothing is published here");
  },
  subscribe(): never {
    throw new Error("subscriptions follow the database, nothing is published here");
  },
};

export function buildApiSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      ViewerResolver,
      NodeResolver,
      ProjectResolver,
      WorkflowResolver,
      WorkflowVersionResolver,
      WorkflowRunResolver,
      StageRunResolver,
      StepRunResolver,
      StepAttemptResolver,
      StatusReasonResolver,
      RunMutations,
      RunnerResolver,
      RunEventResolver,
      StageStatusChangedResolver,
      StepStatusChangedResolver,
      Subscriptions,
    ],
    orphanedTypes: [...USER_ERROR_TYPES, ...RUN_EVENT_OBJECTS, LogLines, LogEnd, CaughtUp, Reset],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    pubSub: noPubSub,
    validate: false,
  });
  for (const type of Object.values(schema.getTypeMap())) {
    // graphql 16 enforces @oneOf on the built type only; type-graphql cannot set it.
    if (isInputObjectType(type) && ONE_OF.has(type.name)) type.isOneOf = true;
  }
  guardRootFields(schema);
  return schema;
}
