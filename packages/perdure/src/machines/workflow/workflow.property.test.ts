/**
 * Random programs of everything that a run can be told: whatever clients, workers, operators, clocks and crashes do in whatever order, what
 * must always hold does (contiguous ids, fold = live = restored, debts = touched, closed owes nothing, each attempt and each task ends once,
 * signals in order, histories that replay).
 *
 * `testing/programs.ts` plays them, and says how to play more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventType } from '../../protocol/index.js';
import { programTests } from '../testing/programs.js';
import { ProgramRun, runProgram } from './testing/program-run.js';
import { randomProgram, type Program } from './testing/program.js';
import { withVersions } from './testing/versions.js';

const STEPS = 40;

const { skip, playAll } = programTests({ file: 'dist/machines/workflow/workflow.property.test.js', programs: 2000, play: runProgram, about: historiesOf });

function historiesOf(program: Program): readonly string[] {
  const run = new ProgramRun();
  try {
    for (const step of program) run.take(step);
  } catch {
    // Where it fails: there the histories are of interest.
  }
  return ['the runs at that point:', ...run.runs.map((of) => `  ${of.runId}: ${of.eventNames().join(', ')}`)];
}

test('random programs of inputs', { skip }, () => {
  const seen = new Set<EventType>();
  playAll((seed) => randomProgram(seed, STEPS), (run) => run.runs.forEach((of) => of.events().forEach(({ eventType }) => seen.add(eventType))));
  assert.ok(seen.size >= 52, `the programs reach every kind of event (${seen.size})`);
});

test('random programs with workers of two builds', { skip }, () => {
  playAll((seed) => withVersions(randomProgram(seed, STEPS), seed), undefined, 0.5);
});
