import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useState } from "react";
import { createFetcher } from "./fetcher.ts";
import { browserStorage, seedStorage } from "./storage.ts";
import { currentToken, forgetToken, keepToken, takeTokenFromAddress } from "./token.ts";
import { TokenBar } from "./token-bar.tsx";
import welcome from "./welcome.graphql?raw";

takeTokenFromAddress();
seedStorage(welcome, JSON.stringify({ workflowId: "", workflowRunId: "" }, null, 2));

export function Page() {
  const [token, setToken] = useState(currentToken);
  useEffect(() => {
    // A link with another token opened in this tab changes the fragment and loads nothing.
    const follow = (): void => {
      if (takeTokenFromAddress()) setToken(currentToken());
    };
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);

  const change = (next: string): void => {
    if (next === "") forgetToken();
    else keepToken(next);
    setToken(currentToken());
  };
  const fetcher = useMemo(() => createFetcher(token), [token]);
  const headers = JSON.stringify({ authorization: token === "" ? "" : `Bearer ${token}` }, null, 2);

  return (
    <div className="page">
      <TokenBar key={`bar ${token}`} token={token} onChange={change} />
      <div className="editor">
        <GraphiQL
          // The header editor takes its text only when it is made.
          key={token}
          fetcher={fetcher}
          storage={browserStorage}
          defaultHeaders={headers}
          defaultQuery={welcome}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          inputValueDeprecation
        >
          <GraphiQL.Logo>GraphiQL</GraphiQL.Logo>
        </GraphiQL>
      </div>
    </div>
  );
}
