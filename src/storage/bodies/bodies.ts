/**
 * The bodies of messages as the rest of the program sees them: written once, in chunks, apart from all state. The
 * parts are in files of their own; this one names what other rooms use.
 *
 * A body of more than 120 KiB in an embedded store on a disk has its first chunk in the store, the size of a file in
 * place of the second one, and all else in that file beside the store (`files.ts`). Its `chunks` count what it would
 * have in rows, so no record knows the difference.
 *
 * The legal states of a body, by what the store holds under its id, and what the start of a server does in each:
 *
 * | state | chunks | mark `{at, chunks}` | counter | records | at start |
 * | --- | --- | --- | --- | --- | --- |
 * | absent | none | none | none | none | nothing |
 * | being written | 0 … `chunks`-1, all full | `at` = the last commit of its writer | none | none | removed: its writer died; on a shared store once `at` is an hour old |
 * | being written into a file | none; the file or none yet | the same, `file` | none | none | removed, and the file |
 * | stored, one owner | all | none | none | one, its ref says `shared: false` | nothing |
 * | stored, shared | all | none | the number of records; a recount key when some went | that many, their refs say `shared: true` | counted again |
 * | stored, left by all | all | none | 0, and a recount key | none | removed |
 * | being removed | any; of a file both rows | `at` = 0 | none | none | removed; of a file that goes first |
 * | forgotten | none; the file | none | none | none | the file is removed: to remove it was not durable, or a backup had more than its store |
 *
 * Where something stands before the body that is known only at its end (`frontLater`), chunk 0 is left free while it is
 * written ahead, and written with the records.
 *
 * The only transitions, each one commit:
 * - absent → stored: a body of up to 120 KiB, with the records that own it;
 * - absent → being written → being written …: 120 KiB more each time, checking and renewing the mark; into a file without
 *   a commit, but for the mark, which comes before the file and is renewed each ten minutes;
 * - being written → stored: the rest of the body and the records, checking and deleting the mark; a file, its name and
 *   its octets, is durable before that;
 * - being written → being removed: the sweeper or the writer's `abort()`, checking the mark;
 * - stored, shared → stored, shared or left by all: by a sum, when the counter was read as more than those who go;
 * - stored → absent: with the last owner (or the sweeper, who counts again), when the body has 8 chunks or less, or 2
 *   where there are files;
 * - stored → being removed: the same for a larger body;
 * - being removed → absent: 64 chunks at a time, the mark with the last ones; a file, then its rows and the mark. While a
 *   backup copies files, those of bodies that were stored wait.
 *
 * So at any instant every chunk has an owner, a mark or a recount key, and what a crash leaves behind is found by them,
 * or by the start of the one server of the store, which compares the folder with it.
 */

export type { BodyRef } from "./layout.ts";
export { addOwners, releaseBody } from "./owners.ts";
export { BodyMissing, readBody, readSmallBodies } from "./reader.ts";
export { BodySweeper, type BodySweeperOptions, DEFAULT_SWEEP_GRACE_MS } from "./sweeper.ts";
export { type BodyDraft, BodyWriter, type BodyWriterOptions, draftOf, writtenAhead } from "./writer.ts";
