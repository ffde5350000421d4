import './wire.ts'
import '../forward.test.ts'
