import './wire.ts'
import '../smuggling/responses.test.ts'
