import { describe, expect, test } from "vitest";
import type { HttpRequest } from "../../src/domain/definition.ts";
import { RequestError, requestNeedsOutputs, resolveRequest } from "../../src/domain/http-request.ts";

const EMPTY = { method: "POST", url: "https://e.org", headers: [], body: null, json: false, expect: [] };
const context = {
  inputs: { name: 'a"b\\c\n', base: "https://x.org" },
  stepOutputs: { one: { id: 7, all: { deep: [1] } } },
};

function resolved(request: Partial<HttpRequest>) {
  return resolveRequest({ ...EMPTY, ...request }, context);
}

describe("a request", () => {
  test("is filled in everywhere", () => {
    expect(
      resolved({
        url: "${{ inputs.base }}/${{ steps.one.outputs.id }}",
        headers: [{ key: "X-A", value: "<${{ steps.one.outputs.id }}>" }],
        body: "id=${{ steps.one.outputs.id }} $${{ kept }}",
      }),
    ).toEqual({
      method: "POST",
      url: "https://x.org/7",
      headers: [
        { key: "X-A", value: "<7>" },
        { key: "Content-Type", value: "text/plain; charset=utf-8" },
      ],
      body: "id=7 ${{ kept }}",
      expect: [],
    });
  });

  test("stays JSON whatever is put into its texts, and nothing but texts is looked at", () => {
    const value = {
      a: "say ${{ inputs.name }}",
      "${{ inputs.base }}": [1, true, "${{ steps.one.outputs.all }}"],
    };
    const { body, headers } = resolved({ body: JSON.stringify(value), json: true });
    expect(JSON.parse(body!)).toEqual({
      a: 'say a"b\\c\n',
      "${{ inputs.base }}": [1, true, '{"deep":[1]}'],
    });
    expect(headers).toEqual([{ key: "Content-Type", value: "application/json" }]);
  });

  test("keeps the content type that it names, and gets none without a body", () => {
    const headers = [{ key: "content-TYPE", value: "text/csv" }];
    expect(resolved({ body: "a;b", headers }).headers).toEqual(headers);
    expect(resolved({}).headers).toEqual([]);
  });

  test("needs outputs when any of its texts names one", () => {
    const output = "${{ steps.one.outputs.id }}";
    const needs = (request: Partial<HttpRequest>) => requestNeedsOutputs({ ...EMPTY, ...request });
    expect(
      [{ url: output }, { body: output }, { headers: [{ key: "A", value: output }] }].map(needs),
    ).toEqual([true, true, true]);
    expect(needs({ url: "${{ inputs.base }}", body: "$${{ steps.one.outputs.id }}" })).toBe(false);
  });

  test("cannot be blown up by naming a long value often", () => {
    const long = { inputs: { long: "x".repeat(1_000_000) }, stepOutputs: {} };
    const body = "${{ inputs.long }}".repeat(7_000);
    for (const json of [false, true]) {
      const request = { ...EMPTY, json, body: json ? JSON.stringify([body]) : body };
      expect(() => resolveRequest(request, long)).toThrow(RequestError);
    }
  });
});
