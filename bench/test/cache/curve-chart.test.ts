import t from 'tap'
import { renderChart } from '../../src/cache/curve-chart.ts'

await t.test('a curve rises from the left below to the right above, and the axis says where it stands', async t => {
  const chart = renderChart([{ mark: 'a', at: x => Math.log10(x) / 2 }], {
    fromX: 1,
    toX: 100,
    width: 5,
    height: 3,
    ticks: [1, 100],
  })
  t.equal(
    chart,
    ['   100 % │   aa', '    50 % │  a', '     0 % │aa', '         └┴───┴', '          1  100', ''].join('\n'),
  )
})

await t.test(
  'a curve may end, a later one covers an earlier one, and numbers that would touch are left out',
  async t => {
    const curves = [
      { mark: '·', at: () => 1 },
      { mark: 'b', at: (x: number) => (x < 10 ? 1 : undefined) },
    ]
    const [top = '', , axis = '', numbers = ''] = renderChart(curves, {
      fromX: 1,
      toX: 100,
      width: 9,
      height: 2,
      ticks: [1, 2, 100],
    }).split('\n')
    t.equal(top, '   100 % │bbbb·····')
    t.equal(axis, '         └┴┴──────┴')
    t.equal(numbers, '          1      100')
  },
)
