#!/usr/bin/env node
import { run } from './hand-over.js'

run('worker/main', process.argv.slice(2))
