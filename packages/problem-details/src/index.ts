export { PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_PREFIX, problem } from './problem.ts'
export type { Problem, ProblemInput, ProblemIssue } from './problem.ts'
