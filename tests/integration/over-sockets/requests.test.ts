import './wire.ts'
import '../smuggling/requests.test.ts'
