export interface Endpoints {
  readonly http: string;
  readonly webSocket: string;
}

/** @param url of the server, with or without its `/graphql` */
export function endpointsOf(url: string): Endpoints {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`"${url}" is not an http or https URL`);
  }
  const endpoint = new URL(url);
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "").replace(/\/graphql$/, "")}/graphql`;
  return { http: endpoint.href, webSocket: endpoint.href.replace(/^http/, "ws") };
}
