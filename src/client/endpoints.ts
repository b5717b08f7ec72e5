export interface Endpoints {
  readonly http: string;
  readonly webSocket: string;
  readonly eventStream: string;
}

/** @param url of the server, with or without its `/graphql` */
export function endpointsOf(url: string): Endpoints {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`"${url}" is not an http or https URL`);
  }
  const endpoint = new URL(url);
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "").replace(/\/graphql$/, "")}/graphql`;
  const { href: http } = endpoint;
  endpoint.pathname += "/stream";
  return { http, webSocket: http.replace(/^http/, "ws"), eventStream: endpoint.href };
}
