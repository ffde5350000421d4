/** Readers of the two forms in which Synapse documents which worker may answer what. */

export interface DocumentedRoute {
  /** The heading that it stands under. */
  readonly section: string
  readonly pattern: RegExp
  readonly methods?: readonly string[]
}

/**
 * The patterns of `workers.md`, in its order. A section is the comment above a pattern in its block, else the last line of
 * text before the block.
 */
export const routesOfManual = (markdown: string): readonly DocumentedRoute[] => {
  const routes: DocumentedRoute[] = []
  let text = ''
  let section = ''
  for (const line of markdown.split('\n')) {
    const [, comment, pattern] = /^ {4}(?:# (.*)|(\^?\/\S*))$/.exec(line) ?? []
    if (comment !== undefined) section = comment
    else if (pattern !== undefined) {
      const onlyGet = section.includes('GET requests')
      // One is written without its anchor: "all endpoints starting with /_matrix/media/".
      const anchored = new RegExp(pattern.startsWith('^') ? pattern : `^${pattern}`)
      routes.push({ section, pattern: anchored, ...(onlyGet ? { methods: ['GET'] } : {}) })
    } else if (line.trim() !== '') section = text = line
    else section = text
  }
  return routes
}

/**
 * The output of Synapse's `generate_workers_map`, in its order, without the anchored groups that the generator loses: it
 * prints `.*` for a named group whatever the group holds.
 */
export const routesOfGeneratedMap = (map: string): readonly DocumentedRoute[] => {
  const routes: DocumentedRoute[] = []
  let section = ''
  for (const line of map.split('\n')) {
    const [, comment, method, pattern] = /^(?:# (.*)|(GET)? *(\^\S+))$/.exec(line) ?? []
    if (comment !== undefined) section = comment
    else if (pattern !== undefined)
      routes.push({
        section,
        pattern: new RegExp(LOST_GROUPS[pattern] ?? pattern),
        ...(method === undefined ? {} : { methods: [method] }),
      })
  }
  return routes
}

const V1 = '^/_matrix/client/(api/v1|r0|v3|unstable)'
const LOST_GROUPS: Readonly<Record<string, string>> = {
  [`${V1}/rooms/.*/.*$`]: `${V1}/rooms/.*/(join|invite|leave|ban|unban|kick)$`,
  [`${V1}/rooms/.*/.*/.*$`]: `${V1}/rooms/.*/(join|invite|leave|ban|unban|kick)/.*$`,
  [`${V1}/profile/.*/.*$`]: `${V1}/profile/.*/(displayname|avatar_url)$`,
  [`${V1}/.*$`]: `${V1}/pushrules/.*$`,
}
