import './wire.ts'
import '../smuggling/fuzz.test.ts'
