import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cgroupOf, parseMounts } from '../../checks/memory/cgroup.ts'
import { heaviest, judge } from '../../checks/memory/judge.ts'
import { gatherLinux, parseLimits } from '../../checks/memory/linux.ts'
import { judgeable, parseSwapUsage, parseVmStat } from '../../checks/memory/macos.ts'
import { memory } from '../../checks/memory.ts'
import type { ListedProcess } from '../../core/process-list.ts'
import { lay } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3

/** Of a machine with 2 GB and 1 GB of swap. */
const MEMINFO = `MemTotal:        2030652 kB
MemFree:          143512 kB
MemAvailable:    1126400 kB
Buffers:           51200 kB
SwapTotal:       1048572 kB
SwapFree:         524284 kB
`
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max data size             unlimited            unlimited            bytes     
Max address space         unlimited            unlimited            bytes     
`
const V2 = '35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n'
const V1 =
  '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n'

const HOST = {
  'proc/meminfo': MEMINFO,
  'proc/self/limits': LIMITS,
  'proc/self/mountinfo': V2,
  'proc/self/cgroup': '0::/system.slice/gateway.service\n',
}
const GROUP = 'sys/fs/cgroup/system.slice/gateway.service'

const laid = (files: Readonly<Record<string, string>>): string => {
  const root = scratch()
  lay(root, { ...HOST, ...files })
  return root
}

const gathered = (files: Readonly<Record<string, string>>, swap = false) => gatherLinux(laid(files), swap)
const sizes = (files: Readonly<Record<string, string>>, swap = false) =>
  Object.fromEntries(
    gathered(files, swap).sources.map(({ name, available, total }) => [
      name,
      [available / MIB, total / MIB].map(Math.round),
    ]),
  )

describe('what bounds memory on Linux', () => {
  test('the host alone', () => {
    expect(sizes({})).toEqual({ 'this host': [1100, 1983] })
    expect(sizes({}, true)).toEqual({ 'this host': [1612, 3007] })
    expect(gathered({}).problems).toEqual([])
  })

  test('cgroup v2: our own group and those above, max and high, inactive pages not counted', () => {
    expect(
      sizes({
        [`${GROUP}/memory.max`]: `${512 * MIB}\n`,
        [`${GROUP}/memory.high`]: `${400 * MIB}\n`,
        [`${GROUP}/memory.current`]: `${300 * MIB}\n`,
        [`${GROUP}/memory.stat`]: `anon 1\ninactive_file ${100 * MIB}\nactive_file 5\n`,
        'sys/fs/cgroup/system.slice/memory.max': `${600 * MIB}\n`,
        'sys/fs/cgroup/system.slice/memory.high': 'max\n',
        'sys/fs/cgroup/system.slice/memory.current': `${590 * MIB}\n`,
      }),
    ).toEqual({
      'this host': [1100, 1983],
      '/sys/fs/cgroup/system.slice/gateway.service/memory.max': [312, 512],
      '/sys/fs/cgroup/system.slice/gateway.service/memory.high': [200, 400],
      '/sys/fs/cgroup/system.slice/memory.max': [10, 600],
    })
  })

  test('cgroup v2 in a container: the limit stands at the mount', () => {
    const limit = { 'sys/fs/cgroup/memory.max': `${256 * MIB}\n`, 'sys/fs/cgroup/memory.current': `${6 * MIB}\n` }
    const expected = { '/sys/fs/cgroup/memory.max': [250, 256] }
    expect(sizes({ ...limit, 'proc/self/cgroup': '0::/\n' })).toMatchObject(expected)
    expect(sizes({ ...limit, 'proc/self/cgroup': '0::/../../outside\n' })).toMatchObject(expected)
  })

  test('swap of a group: what it may still take', () => {
    const files = {
      [`${GROUP}/memory.max`]: `${512 * MIB}\n`,
      [`${GROUP}/memory.current`]: `${500 * MIB}\n`,
      [`${GROUP}/memory.swap.max`]: `${128 * MIB}\n`,
      [`${GROUP}/memory.swap.current`]: `${28 * MIB}\n`,
    }
    const name = '/sys/fs/cgroup/system.slice/gateway.service/memory.max'
    expect(sizes(files, true)[name]).toEqual([112, 640])
    expect(sizes(files, false)[name]).toEqual([12, 512])
    expect(sizes({ ...files, [`${GROUP}/memory.swap.max`]: '0\n' }, true)[name]).toEqual([12, 512])
  })

  test('cgroup v1, also in a container that sees its own group only', () => {
    const files = (folder: string) => ({
      [`${folder}/memory.limit_in_bytes`]: `${300 * MIB}\n`,
      [`${folder}/memory.usage_in_bytes`]: `${200 * MIB}\n`,
      [`${folder}/memory.stat`]: `inactive_file 5\ntotal_inactive_file ${50 * MIB}\n`,
    })
    const cgroup = { 'proc/self/cgroup': '5:cpu:/\n4:cpuset,memory:/docker/1f\n0::/\n' }
    expect(sizes({ ...cgroup, 'proc/self/mountinfo': V1, ...files('sys/fs/cgroup/memory/docker/1f') })).toMatchObject({
      '/sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes': [150, 300],
    })
    const inside = V1.replace('0:32 / /sys', '0:32 /docker/1f /sys')
    const none = { 'sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '9223372036854771712\n' }
    expect(sizes({ ...cgroup, 'proc/self/mountinfo': inside, ...none, ...files('sys/fs/cgroup/memory') })).toEqual({
      'this host': [1100, 1983],
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': [150, 300],
    })
    const both = {
      'sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': `${310 * MIB}\n`,
      'sys/fs/cgroup/memory/memory.memsw.usage_in_bytes': `${250 * MIB}\n`,
    }
    const all = sizes({ ...cgroup, 'proc/self/mountinfo': inside, ...both, ...files('sys/fs/cgroup/memory') }, true)
    expect(all['/sys/fs/cgroup/memory/memory.limit_in_bytes']).toEqual([662, 1324])
    expect(all['/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes']).toEqual([110, 310])
  })

  test('ulimits', () => {
    const text = LIMITS.replace(/(space +)unlimited/, '$14294967296').replace(/(data size +)unlimited/, '$11073741824')
    expect(parseLimits(text)).toEqual([
      { name: 'ulimit -v', available: 4 * GIB, total: 4 * GIB },
      { name: 'ulimit -d', available: GIB, total: GIB },
    ])
  })

  test('what cannot be read is a problem, and no pass', () => {
    const need = { free: MIB, headroom: 0 }
    for (const files of [
      { 'proc/meminfo': '' },
      { 'proc/meminfo': 'MemTotal: 5 kB\n' },
      { [`${GROUP}/memory.max`]: 'oops\n' },
      { [`${GROUP}/memory.max`]: '\n' },
      { [`${GROUP}/memory.max`]: `${512 * MIB}\n` },
      { [`${GROUP}/memory.max/`]: '' },
    ]) {
      const seen = gathered(files)
      expect(seen.problems, JSON.stringify(files)).toHaveLength(1)
      expect(judge(seen, need, [])).toMatchObject({ status: 'fail', code: 'memory/unknown' })
    }
    expect(judge(gatherLinux(scratch(), false), need, [])).toMatchObject({ code: 'memory/unknown' })
    expect(judge({ sources: [], problems: [] }, need, [])).toMatchObject({ code: 'memory/unknown' })
  })

  test('no control groups at all', () => {
    const root = scratch()
    lay(root, { 'proc/meminfo': MEMINFO, 'proc/self/limits': LIMITS })
    expect(gatherLinux(root, false)).toMatchObject({ problems: [], sources: [{ name: 'this host' }] })
  })

  test('mounts and groups with odd names', () => {
    const mounts = parseMounts(
      '1 2 0:3 /a\\040b /mnt/c\\040d rw shared:4 - cgroup2 none rw\n1 2 0:3 / /x rw - ext4 /dev/a rw\n',
    )
    expect(mounts).toEqual([{ at: '/mnt/c d', root: '/a b', version: 2 }])
    expect(cgroupOf('0::/a b/c:d\n', mounts)).toEqual([{ version: 2, at: '/mnt/c d', group: '/c:d' }])
    expect(cgroupOf('0::/elsewhere\n', mounts)).toEqual([{ version: 2, at: '/mnt/c d', group: '/' }])
    expect(cgroupOf('', mounts)).toEqual([])
  })
})

describe('the verdict', () => {
  const host = { name: 'this host', available: GIB, total: 2 * GIB }
  const group = { name: '/sys/fs/cgroup/memory.max', available: 300 * MIB, total: 512 * MIB }
  const seen = { sources: [host, group], problems: [] }

  test('the smallest decides, and is named', () => {
    expect(judge(seen, { free: 200 * MIB, headroom: 100 * MIB }, [])).toMatchObject({
      status: 'pass',
      code: 'memory/enough',
      watched: ['this host', group.name],
      facts: { decidedBy: group.name, availableBytes: 300 * MIB, neededBytes: 300 * MIB },
    })
    expect(judge(seen, { free: 200 * MIB, headroom: 101 * MIB }, ['node (pid 7) 90 MiB'])).toMatchObject({
      status: 'fail',
      code: 'memory/low',
      observed: '300 MiB of 512 MiB (/sys/fs/cgroup/memory.max); most is used by node (pid 7) 90 MiB',
      expected: 'at least 200 MiB and 101 MiB of headroom',
    })
    expect(judge({ ...seen, sources: [host] }, { free: 3 * GIB, headroom: 0 }, [])).toMatchObject({
      code: 'memory/too-small',
    })
  })

  test('a limit that is too small whatever else runs', () => {
    expect(judge(seen, { free: 600 * MIB, headroom: 0 }, [])).toMatchObject({
      code: 'memory/too-small',
      next: 'cat /sys/fs/cgroup/memory.max',
    })
    const own = { name: 'ulimit -d', available: MIB, total: MIB }
    expect(judge({ ...seen, sources: [host, own] }, { free: 2 * MIB, headroom: 0 }, [])).toMatchObject({
      next: 'ulimit -d',
    })
  })

  test('a failure that is known comes before one that is not; a pass does not', () => {
    const doubtful = { ...seen, problems: ['x cannot be read'] }
    expect(judge(doubtful, { free: 400 * MIB, headroom: 0 }, [])).toMatchObject({ code: 'memory/low' })
    expect(judge(doubtful, { free: MIB, headroom: 0 }, [])).toMatchObject({ code: 'memory/unknown' })
  })

  test('the five that use most', () => {
    const processes = [3, 9, 1, 7, 5, 8].map(
      (size, pid): ListedProcess => ({ pid, parent: 1, uid: 0, name: 'x', title: 'x', line: 'x', rssBytes: size }),
    )
    expect(heaviest(processes).map(({ rssBytes }) => rssBytes)).toEqual([9, 8, 7, 5, 3])
  })
})

describe('on this host', () => {
  const run = async (options: object) => memory.run((await completed(memory, options)) as never, context({ cwd: '/' }))

  test('a little is there, too much is not, and those that use most are named', async () => {
    expect(await run({ free: '1MiB' })).toMatchObject({
      status: 'pass',
      watched: expect.arrayContaining(['this host']),
    })
    const verdict = await run({ free: '800000GiB' })
    expect(verdict).toMatchObject({ code: 'memory/too-small', facts: { top: expect.any(Array) } })
    const { top } = (verdict as unknown as { facts: { top: string[] } }).facts
    expect(top).toHaveLength(5)
    expect(top[0]).toMatch(/^.+ \(pid \d+\) [0-9.]+ [KMG]iB$/)
  })

  test('needing nothing is refused', async () => {
    expect(await run({ free: '0B' })).toMatchObject({ code: 'memory/contradiction' })
    await expect(completed(memory, { free: 5 })).rejects.toThrow()
    await expect(completed(memory, {})).rejects.toThrow()
  })

  test('a file that this user may not read', () => {
    const root = laid({ [`${GROUP}/memory.max`]: '5\n' })
    chmodSync(join(root, `${GROUP}/memory.max`), 0)
    // root reads it all the same: then the missing usage is what is wrong.
    expect(gatherLinux(root, false).problems).toHaveLength(1)
  })
})

describe('macOS', () => {
  // In the form in which vm_stat(1) prints, with numbers of a machine with 16 GB.
  const VM_STAT = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               12345.
Pages active:                            310404.
Pages inactive:                          300000.
Pages speculative:                         1655.
Pages throttled:                              0.
Pages wired down:                        120000.
Pages purgeable:                           5000.
"Translation faults":                 987654321.
`
  const SWAP = 'total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)\n'

  test('vm_stat and sysctl', () => {
    expect(parseVmStat(VM_STAT)).toBe(314_000 * 16_384)
    expect(parseVmStat(VM_STAT.replace('Pages free', 'Pages fre'))).toBe(undefined)
    expect(parseVmStat('')).toBe(undefined)
    expect(parseSwapUsage(SWAP)).toEqual({ free: 1023.5 * MIB, total: 2048 * MIB })
    expect(judgeable(VM_STAT, '17179869184\n', SWAP, true)).toEqual({
      sources: [{ name: 'this host', available: 314_000 * 16_384 + 1023.5 * MIB, total: 18 * GIB }],
      problems: [],
    })
    expect(judgeable(VM_STAT, '17179869184\n', undefined, false).sources[0]?.total).toBe(16 * GIB)
    expect(judgeable(undefined, undefined, undefined, true)).toMatchObject({ sources: [], problems: { length: 3 } })
    expect(judgeable(VM_STAT, '17179869184\n', '', true).problems).toHaveLength(1)
  })
})
