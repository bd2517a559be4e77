// What an invalidation is about, as one string: processes and machines tell each other nothing else.
//
//     'tcourse:42'           everything tagged course:42, in every namespace
//     'kcourses\0 42'        one key of a namespace            (no blank; it only keeps this line readable)
//     'pcourses\0list:'      every key of a namespace that begins so
//     'qcourses'             some prefix of a namespace; goes with each of them, for those who can't know which
//     'ncourses'             a whole namespace
//     'a'                    everything
//
// Invariant: a namespace's name has no NUL, so the first one ends it and no key can pass for another namespace's.

/** One of the six forms above. */
export type Subject = string

export const tagSubject = (tag: string): Subject => `t${tag}`
export const keySubject = (namespace: string, key: string): Subject => `k${namespace}\0${key}`
export const prefixSubject = (namespace: string, prefix: string): Subject => `p${namespace}\0${prefix}`
export const namespaceSubject = (namespace: string): Subject => `n${namespace}`
export const prefixedSubject = (namespace: string): Subject => `q${namespace}`
export const EVERYTHING: Subject = 'a'
