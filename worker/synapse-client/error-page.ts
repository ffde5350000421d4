import { html, page } from '../../shared/html.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { statusOf } from '../http/errors.ts'
import { html as htmlReply, type Reply } from '../http/reply.ts'

/** What `work` answers; of what it refuses, a page for the browser that asked. */
export async function inBrowser(work: () => Reply | Promise<Reply>): Promise<Reply> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MatrixError) || error.errcode === 'M_UNRECOGNIZED') throw error
    const status = statusOf(error)
    return htmlReply(page(`Error ${status}`, html`<p>${error.message}</p>`), { status })
  }
}
