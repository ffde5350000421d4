import type { Threepids } from './threepids.ts'

/** `LoginIdentifier` of `worker/client`. */
type Identifier =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'thirdparty'; readonly medium: string; readonly address: string }

/** Nobody's ID: to refuse it takes as long as to refuse another. */
const NOBODY = '\0'

/** A user ID or a localpart: of an address, its owner's. */
export const makeUserOf =
  (threepids: Pick<Threepids, 'ownerOf'>) =>
  async (identifier: Identifier): Promise<string> =>
    identifier.kind === 'user'
      ? identifier.user
      : ((await threepids.ownerOf(identifier.medium, identifier.address)) ?? NOBODY)
