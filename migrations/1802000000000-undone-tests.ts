import type { MigrationInterface, QueryRunner } from "typeorm";

/** A runner that ends again and again and leaves tests undone is told from one that was given more to do. */
export class UndoneTests1802000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      alter table test_step add idle_attempt integer not null default 0;
      alter table test_step add idle_ends integer not null default 0`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query("alter table test_step drop idle_attempt; alter table test_step drop idle_ends");
  }
}
