/** A sweep meets everything that the list holds once, within its window and rate, in bounded memory, whatever is lost on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError } from '../../../protocol/index.js';
import { namedTargets } from './sweep.js';
import { TestSweep } from './testing.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `w${index}`);
const once = (sweep: TestSweep, count: number): void => assert.deepEqual(Object.fromEntries(sweep.sent), Object.fromEntries(names(count).map((name) => [name, 1])));

test('every execution of every page gets its message once, at most a window at a time', () => {
  for (const count of [0, 1, 6, 7, 8, 14, 100]) {
    const sweep = new TestSweep(names(count), { window: 3 });
    sweep.run();
    assert.ok(sweep.isSwept);
    once(sweep, count);
    assert.deepEqual([sweep.state.done, sweep.state.failed, sweep.state.found], [count, 0, count]);
    assert.ok(sweep.mostUnderWay <= 3);
    assert.equal(sweep.pagesRead, Math.max(1, Math.ceil(count / 7)));
  }
});

test('refusals are counted apart', () => {
  const sweep = new TestSweep(names(10));
  for (const name of ['w0', 'w9']) sweep.refusals.set(name, new RpcError(Code.INVALID_ARGUMENT, 'no'));
  sweep.run();
  assert.deepEqual([sweep.state.done, sweep.state.failed], [8, 2]);
});

test('the next page is read while the last messages of this one are answered, and the state holds no more than a page and a window', () => {
  const sweep = new TestSweep(names(1_000), { window: 5, limit: 50 });
  let most = 0;
  while (!sweep.isSwept) {
    const [first] = sweep.owed();
    assert.ok(first);
    sweep.tell([sweep.answerTo(first)]);
    most = Math.max(most, sweep.state.targets.length);
  }
  once(sweep, 1_000);
  assert.ok(most <= 55, `${most} targets at once`);
  assert.ok(sweep.recordBytes < 60 * 1_000, `${sweep.recordBytes} bytes of records`);
});

test('what is answered in another order, twice, or after its answer is known is counted once', () => {
  const sweep = new TestSweep(names(20), { window: 20, limit: 20 });
  sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  const answers = sweep.owed().map((one) => sweep.answerTo(one)).reverse();
  sweep.tell([...answers.slice(0, 5), { key: 'sweep:99', reply: {} }, { key: 'other', reply: {} }, { key: 'sweep-page:0', reply: { executions: [], next: undefined } }]);
  sweep.tell(answers.slice(0, 5));
  assert.equal(sweep.state.done, 5);
  sweep.tell(answers);
  assert.equal(sweep.state.done, 20);
  assert.ok(sweep.isSwept);
});

test('a rate is kept over any second, without a wake for each message', () => {
  for (const perSecond of [0.5, 3, 50, 800]) {
    const count = Math.max(4, Math.ceil(perSecond * 3));
    const sweep = new TestSweep(names(count), { window: 100, perSecond, limit: 500 });
    const times: number[] = [];
    let wakes = 0;
    while (!sweep.isSwept) {
      const owed = sweep.owed();
      for (const { key } of owed) if (key.startsWith('sweep:')) times.push(sweep.now);
      if (owed.length > 0) sweep.tell(owed.map((one) => sweep.answerTo(one)));
      else {
        wakes += 1;
        sweep.wake();
      }
    }
    once(sweep, count);
    const burst = Math.max(1, perSecond / 10);
    for (const from of times) {
      const within = times.filter((time) => time >= from && time < from + 1_000).length;
      assert.ok(within <= Math.ceil(perSecond) + burst, `${within} within a second at ${perSecond} a second`);
    }
    const tookMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
    assert.ok(tookMs <= (1_000 * count) / perSecond + 200, `${count} took ${tookMs} ms at ${perSecond} a second`);
    assert.ok(wakes <= Math.min(count, tookMs / 90 + 2), `${wakes} wakes`);
  }
});

test('time that was not used is not saved up, and a clock that is set back does not stop it', () => {
  const sweep = new TestSweep(names(50), { perSecond: 10, limit: 50 });
  sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  sweep.now += 3_600_000;
  sweep.decide(() => {});
  assert.equal(sweep.owed().length, 1, 'not 36,000');
  sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  sweep.now -= 1_800_000;
  sweep.decide(() => {});
  sweep.now += 150;
  sweep.decide(() => {});
  assert.equal(sweep.owed().length, 2, 'one at once, and one after its interval');
});

test('a list that cannot be read ends it, and nothing is owed any more', () => {
  const sweep = new TestSweep(names(20), { window: 2 });
  sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  for (let turn = 0; turn < 3; turn++) sweep.tell(sweep.owed().map((one) => sweep.answerTo(one)));
  const page = sweep.owed().find(({ key }) => key.startsWith('sweep-page'));
  assert.ok(page);
  sweep.tell([{ key: page.key, reply: new RpcError(Code.INVALID_ARGUMENT, 'no such attribute') }]);
  assert.equal(sweep.state.problem, 'no such attribute');
  assert.ok(sweep.isSwept);
  assert.deepEqual(sweep.owed(), []);
});

test('named executions are a list of one page that nobody reads', () => {
  const sweep = new TestSweep([], { window: 2 });
  sweep.decide((emit) => emit(namedTargets([{ key: 'a', machine: '' }, { key: 'b', machine: 'x' }, { key: 'c', machine: '' }])));
  sweep.run();
  assert.deepEqual([...sweep.sent.keys()], ['a', 'b', 'c']);
  assert.equal(sweep.pagesRead, 0);
});

test('random deliveries: answers come late, in any order, or are lost with the sender, which then owes the message again', () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const chance = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const count = Math.floor(chance() * 60);
    const sweep = new TestSweep(names(count), { window: 1 + Math.floor(chance() * 8), limit: 1 + Math.floor(chance() * 10), perSecond: chance() < 0.5 ? 0 : 1 + chance() * 200 });
    for (let turn = 0; turn < 5_000 && !sweep.isSwept; turn++) {
      const owed = sweep.owed().filter(() => chance() < 0.6);
      const answers = owed.map((one) => sweep.answerTo(one)).filter(() => chance() < 0.8).sort(() => chance() - 0.5);
      if (answers.length > 0) sweep.tell(answers);
      else if (chance() < 0.5 && sweep.owed().length === 0) sweep.wake();
    }
    assert.ok(sweep.isSwept, `seed ${seed}`);
    assert.deepEqual([sweep.state.done, sweep.state.failed, sweep.sent.size], [count, 0, count], `seed ${seed}`);
  }
});
