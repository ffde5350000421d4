#!/usr/bin/env node
import { run } from './hand-over.js'

run('router/main', process.argv.slice(2))
