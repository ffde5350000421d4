/** Actions as the tables have them (`event_push_actions.actions`): the two lists that are most frequent are stored as `''`. */

import { asJsonText, type JsonText } from '../json-text.ts'

const plain = asJsonText('["notify",{"set_tweak":"highlight","value":false}]')
const highlighted = asJsonText('["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}]')

/** What `''` stands for, by whether the event is highlighted. */
export const actionsText = (highlights: boolean): JsonText => (highlights ? highlighted : plain)
