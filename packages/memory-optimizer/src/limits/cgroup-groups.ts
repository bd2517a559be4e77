// Finds the control groups that account for this process's memory: its own, then every parent up to what is mounted.
//
// /proc/self/cgroup says which group the process is in, one line per hierarchy ("4:memory:/docker/<id>", version 2 is "0::/<path>").
// /proc/self/mountinfo says which part of a hierarchy is mounted where:
//
//     36 35 0:31 /docker/<id> /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
//                ──── root    ──── mount point                ─ type        ─ options of the superblock
//
// The folder of a group is mount point + (group's path less the mount's root). A container may see neither: with a private namespace its group is "/" and the mount's
// root too; with the host's namespace and only its own group mounted, root and path are equal; when it was moved out of its namespace, its path begins with "/..",
// and the mount point itself is the nearest group that it can read. Parents count because the smallest limit on the way up is the one that holds.

/** A group's folder, which may hold memory.max (version 2) or memory.limit_in_bytes (version 1). */
export interface MemoryGroup {
  readonly version: 1 | 2
  readonly folder: string
}

/** Text of a file; undefined when it isn't there or can't be read. */
export type ReadText = (path: string) => string | undefined

interface Mount {
  readonly version: 1 | 2
  readonly root: string
  readonly mountPoint: string
}

/** Groups deeper than this are cut off: the search is bounded whatever the files say. */
const MAX_DEPTH = 64

/** The groups of the memory controller, and of version 2's hierarchy, each from the process's own upwards. Empty where there are none. */
export function findMemoryGroups(readText: ReadText): MemoryGroup[] {
  const membership = readText('/proc/self/cgroup')
  const mountTable = readText('/proc/self/mountinfo')
  if (membership === undefined || mountTable === undefined) return []
  const groups: MemoryGroup[] = []
  for (const mount of parseMounts(mountTable)) {
    const path = pathInHierarchy(membership, mount.version)
    if (path === undefined) continue
    for (const folder of foldersUpwards(mount, path)) groups.push({ version: mount.version, folder })
  }
  return groups
}

/** The group's path in the hierarchy of version 2, or in that of version 1's memory controller. */
function pathInHierarchy(membership: string, version: 1 | 2): string | undefined {
  for (const line of membership.split('\n')) {
    const first = line.indexOf(':')
    const second = line.indexOf(':', first + 1)
    if (first < 0 || second < 0) continue
    const controllers = line.slice(first + 1, second)
    const isWanted =
      version === 2 ? controllers === '' && line.startsWith('0:') : controllers.split(',').includes('memory')
    // The kernel appends this when the group was removed while the process was still in it.
    if (isWanted) return line.slice(second + 1).replace(/ \(deleted\)$/, '')
  }
  return undefined
}

/** The mounts that matter, one per version: a hierarchy can be mounted more than once, the first one is as good as any. */
function parseMounts(mountTable: string): Mount[] {
  const found = new Map<1 | 2, Mount>()
  for (const line of mountTable.split('\n')) {
    const separator = line.indexOf(' - ')
    if (separator < 0) continue
    const [, , , root, mountPoint] = line.slice(0, separator).split(' ')
    const [type, , options] = line.slice(separator + 3).split(' ')
    if (root === undefined || mountPoint === undefined) continue
    const version = type === 'cgroup2' ? 2 : type === 'cgroup' && options?.split(',').includes('memory') ? 1 : undefined
    if (version === undefined || found.has(version)) continue
    found.set(version, { version, root: unescape(root), mountPoint: unescape(mountPoint) })
  }
  return [...found.values()]
}

function foldersUpwards({ root, mountPoint }: Mount, path: string): string[] {
  const base = root === '/' ? '' : root
  const isBelow = !path.startsWith('/..') && !root.startsWith('/..') && (path === base || path.startsWith(`${base}/`))
  let relative = isBelow ? path.slice(base.length).replace(/\/+$/, '') : ''
  const folders: string[] = []
  while (relative !== '' && folders.length < MAX_DEPTH) {
    folders.push(mountPoint + relative)
    relative = relative.slice(0, relative.lastIndexOf('/'))
  }
  folders.push(mountPoint)
  return folders
}

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
