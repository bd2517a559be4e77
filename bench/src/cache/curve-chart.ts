// Curves over a logarithmic axis, as text: where sizes of a cache begin to pay can be seen at a glance, and in any terminal.

export interface Curve {
  /** One character that draws it. */
  readonly mark: string
  /** Share at that place, 0 to 1; undefined where the curve ends. */
  readonly at: (x: number) => number | undefined
}

export interface ChartOptions {
  readonly fromX: number
  readonly toX: number
  /** Columns of the plot itself. */
  readonly width: number
  /** Lines from 0 to 100 %, one for each step of equal height; both ends included. */
  readonly height: number
  /** Places on the axis that get a tick and their number. */
  readonly ticks: readonly number[]
}

/** Curves that come later are drawn over earlier ones. */
export function renderChart(curves: readonly Curve[], options: ChartOptions): string {
  const { fromX, toX, width, height, ticks } = options
  const cells = Array.from({ length: height }, () => Array.from({ length: width }, () => ' '))
  const factor = (toX / fromX) ** (1 / (width - 1))
  for (const { mark, at } of curves) {
    for (let column = 0; column < width; column++) {
      const share = at(Math.round(fromX * factor ** column))
      const line = share === undefined ? undefined : cells[Math.round((1 - share) * (height - 1))]
      if (line) line[column] = mark
    }
  }
  const lines = cells.map((line, index) => {
    const percent = `${Math.round((1 - index / (height - 1)) * 100)} %`
    return `  ${percent.padStart(6)} │${line.join('').trimEnd()}\n`
  })
  return lines.join('') + renderAxis(ticks, tick => Math.round(Math.log(tick / fromX) / Math.log(factor)), width)
}

function renderAxis(ticks: readonly number[], columnOf: (tick: number) => number, width: number): string {
  const axis = Array.from({ length: width }, () => '─')
  let numbers = ''
  for (const tick of ticks) {
    const column = columnOf(tick)
    axis[column] = '┴'
    const text = tick.toLocaleString('en-US')
    // A number that would touch its neighbour is left out; its tick stays.
    const begin = Math.max(0, column - Math.floor(text.length / 2))
    if (begin > numbers.length || numbers === '') numbers = numbers.padEnd(begin) + text
  }
  return `${' '.repeat(9)}└${axis.join('')}\n${' '.repeat(10)}${numbers}\n`
}
