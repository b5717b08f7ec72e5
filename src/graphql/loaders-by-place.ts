import DataLoader from "dataloader";
import { groupBy } from "../domain/group-by.ts";
import type { StepPlace } from "../persistence/queries/steps.ts";

/** How loaders hand rows back to those who asked for them. */

export function byId<Row extends { readonly id: string | number }>(
  find: (ids: readonly Row["id"][]) => Promise<readonly Row[]>,
): DataLoader<Row["id"], Row | null> {
  return new DataLoader(async (ids) => {
    const found = new Map((await find(ids)).map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });
}

export function manyOf<Row>(
  find: (ids: readonly string[]) => Promise<readonly Row[]>,
  ownerOf: (row: Row) => string,
): DataLoader<string, readonly Row[]> {
  return new DataLoader(async (ids) => {
    const found = groupBy(await find(ids), ownerOf);
    return ids.map((id) => found.get(id) ?? []);
  });
}

export type PlaceLoader<Row> = DataLoader<StepPlace, Row, string>;

export function byPlace<Row extends StepPlace>(
  find: (places: readonly StepPlace[]) => Promise<readonly Row[]>,
): PlaceLoader<Row | null> {
  return new DataLoader<StepPlace, Row | null, string>(
    async (places) => {
      const found = new Map((await find(places)).map((row) => [placeKey(row), row]));
      return places.map((place) => found.get(placeKey(place)) ?? null);
    },
    { cacheKeyFn: placeKey },
  );
}

export function placeKey({ runId, index }: StepPlace): string {
  return `${runId} ${index}`;
}
