import './wire.ts'
import '../survive.test.ts'
