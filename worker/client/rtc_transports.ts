import type { rtcTransportsEndpoints } from '../../shared/endpoints/client/rtc_transports.ts'
import type { Handlers } from '../http/handlers.ts'

/** MSC4143: what carries calls here, `matrix_rtc.transports`, as the admin wrote it. */
export const rtcTransportsHandlers = (transports: readonly unknown[]): Handlers<typeof rtcTransportsEndpoints> => ({
  getRtcTransports: () => (transports.length > 0 ? { rtc_transports: transports } : {}),
})
