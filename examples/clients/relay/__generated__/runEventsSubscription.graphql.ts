/**
 * @generated SignedSource<<3990543a3486d114705bc9ca7840c1db>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import type { ConcreteRequest } from 'relay-runtime';
export type StepRunStatus = "CANCELED" | "CANCELING" | "FAILED" | "PENDING" | "QUEUED" | "RUNNING" | "SKIPPED" | "SUCCEEDED" | "TIMED_OUT" | "WAITING" | "%future added value";
export type StreamEdge = "HEAD" | "START" | "%future added value";
export type WorkflowRunStatus = "CANCELED" | "CANCELING" | "FAILED" | "PAUSED" | "PENDING" | "QUEUED" | "RUNNING" | "SKIPPED" | "SUCCEEDED" | "TIMED_OUT" | "WAITING" | "%future added value";
export type StreamPosition = {
  at: StreamEdge;
  cursor?: never;
} | {
  at?: never;
  cursor: string;
};
export type runEventsSubscription$variables = {
  after: StreamPosition;
  id: string;
};
export type runEventsSubscription$data = {
  readonly runEvents: {
    readonly __typename: string;
    readonly cursor: string;
    readonly seq?: number;
    readonly stepRun?: {
      readonly id: string;
      readonly status: StepRunStatus;
      readonly stepRef: string;
    } | null | undefined;
    readonly stepStatus?: StepRunStatus;
    readonly workflowRun?: {
      readonly id: string;
      readonly status: WorkflowRunStatus;
    } | null | undefined;
  };
};
export type runEventsSubscription = {
  response: runEventsSubscription$data;
  variables: runEventsSubscription$variables;
};

const node: ConcreteRequest = (function(){
var v0 = {
  "defaultValue": null,
  "kind": "LocalArgument",
  "name": "after"
},
v1 = {
  "defaultValue": null,
  "kind": "LocalArgument",
  "name": "id"
},
v2 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "id",
  "storageKey": null
},
v3 = {
  "alias": null,
  "args": null,
  "kind": "ScalarField",
  "name": "status",
  "storageKey": null
},
v4 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "after",
        "variableName": "after"
      },
      {
        "kind": "Variable",
        "name": "workflowRunId",
        "variableName": "id"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "runEvents",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "cursor",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "seq",
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "concreteType": "WorkflowRun",
            "kind": "LinkedField",
            "name": "workflowRun",
            "plural": false,
            "selections": [
              (v2/*:: as any*/),
              (v3/*:: as any*/)
            ],
            "storageKey": null
          }
        ],
        "type": "RunEvent",
        "abstractKey": "__isRunEvent"
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "stepStatus",
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "concreteType": "StepRun",
            "kind": "LinkedField",
            "name": "stepRun",
            "plural": false,
            "selections": [
              (v2/*:: as any*/),
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "stepRef",
                "storageKey": null
              },
              (v3/*:: as any*/)
            ],
            "storageKey": null
          }
        ],
        "type": "StepStatusChanged",
        "abstractKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": [
      (v0/*:: as any*/),
      (v1/*:: as any*/)
    ],
    "kind": "Fragment",
    "metadata": null,
    "name": "runEventsSubscription",
    "selections": (v4/*:: as any*/),
    "type": "Subscription",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [
      (v1/*:: as any*/),
      (v0/*:: as any*/)
    ],
    "kind": "Operation",
    "name": "runEventsSubscription",
    "selections": (v4/*:: as any*/)
  },
  "params": {
    "cacheID": "a8cfa2e7c7f10e90df82645244595779",
    "id": null,
    "metadata": {},
    "name": "runEventsSubscription",
    "operationKind": "subscription",
    "text": "subscription runEventsSubscription(\n  $id: ID!\n  $after: StreamPosition!\n) {\n  runEvents(workflowRunId: $id, after: $after) {\n    __typename\n    cursor\n    ... on RunEvent {\n      __isRunEvent: __typename\n      seq\n      workflowRun {\n        id\n        status\n      }\n    }\n    ... on StepStatusChanged {\n      stepStatus\n      stepRun {\n        id\n        stepRef\n        status\n      }\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "d4658409ac53067b7a5509fac208abdd";

export default node;
