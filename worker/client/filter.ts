import type { filterEndpoints } from '../../shared/endpoints/client/filter.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { jsonText } from '../http/reply.ts'
import { asJsonText } from '../json-text.ts'
import type { Filters } from '../sync/filters.ts'

export interface FilterDeps {
  readonly filters: Pick<Filters, 'add' | 'textOf'>
}

/** client-server-api, "Filtering". */
export const filterHandlers = ({ filters }: FilterDeps): Handlers<typeof filterEndpoints> => ({
  async defineFilter(request) {
    const { params, requester } = request
    if (params.userId !== requester.userId)
      throw new MatrixError('M_FORBIDDEN', 'Cannot create filters for other users')
    return { filter_id: String(await filters.add(requester.userId, await request.json())) }
  },

  async getFilter({ params, requester }) {
    if (params.userId !== requester.userId) throw new MatrixError('M_FORBIDDEN', 'Cannot get filters for other users')
    if (!/^-?\d+$/.test(params.filterId)) throw new MatrixError('M_UNKNOWN', 'Invalid filter_id')
    const filterId = Number(params.filterId)
    const text = Number.isSafeInteger(filterId) ? await filters.textOf(requester.userId, filterId) : undefined
    if (text === undefined) throw new MatrixError('M_NOT_FOUND', 'No such filter')
    return jsonText(asJsonText(text))
  },
})
