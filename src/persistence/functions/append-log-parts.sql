-- Adds chunks to logs that the transaction has locked, and moves the logs on.
create or replace function append_log_parts(
  p_runs uuid[], p_steps integer[], p_fences integer[], p_parts integer[], p_byte_offsets integer[],
  p_line_offsets integer[], p_line_counts integer[], p_data bytea[], p_moved_runs uuid[], p_moved_steps integer[],
  p_moved_fences integer[], p_moved_parts integer[], p_lengths integer[], p_lines integer[], p_crcs bigint[],
  p_sealed boolean[], p_truncated boolean[])
returns void
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
begin
  insert into log_chunk (run_id, step_idx, fence, part, byte_offset, line_offset, line_count, data)
  select * from unnest(p_runs, p_steps, p_fences, p_parts, p_byte_offsets, p_line_offsets, p_line_counts, p_data);

  update log_stream l set length = d.length, line_count = d.line_count, crc32 = d.crc32, sealed = d.sealed,
    truncated = d.truncated
  from unnest(p_moved_runs, p_moved_steps, p_moved_fences, p_moved_parts, p_lengths, p_lines, p_crcs, p_sealed,
    p_truncated) d(run_id, idx, fence, part, length, line_count, crc32, sealed, truncated)
  where l.run_id = d.run_id and l.step_idx = d.idx and l.fence = d.fence and l.part = d.part;
end $$;
