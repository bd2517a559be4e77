// One scene as a test: opened, played, judged, its figures printed.
import type { Test } from 'tap'
import { seededRandom } from '@plimsoll/testing'
import { Stage, type StageSetting } from './stage.ts'

export interface PlaySetting extends Omit<StageSetting, 'random'> {
  /** Default: as in all tests, PLIMSOLL_TEST_SEED or a new one. */
  readonly seed?: number
}

export async function play<T>(t: Test, setting: PlaySetting, scene: (stage: Stage) => Promise<T>): Promise<T> {
  const { seed } = setting
  const random = seededRandom(t, seed === undefined ? {} : { seed })
  const stage = await Stage.open(t, { ...setting, random })
  const outcome = await scene(stage)
  const { misses, figures } = await stage.end()
  for (const figure of figures) t.comment(figure)
  t.same(misses, [], 'nothing that must never happen has')
  return outcome
}
