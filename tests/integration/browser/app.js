/** Hydrogen as a page: its own views and view models, over the homeserver that the page's address names. */

import { createNavigation, createRouter, FeatureSet, Platform, RootView, RootViewModel } from 'hydrogen-view-sdk'

const assetPaths = {
  downloadSandbox: 'assets/download-sandbox.html',
  worker: 'assets/main.js',
  serviceWorker: 'sw.js',
  olm: { wasm: 'olm/olm.wasm', legacyBundle: 'olm/olm_legacy.js', wasmBundle: 'olm/olm.js' },
}

const container = document.querySelector('#app')
const config = { defaultHomeServer: new URLSearchParams(location.search).get('homeserver') }
const platform = new Platform({ container, assetPaths, config, options: { development: true } })
const navigation = createNavigation()
platform.setNavigation(navigation)
await platform.init()
const urlRouter = createRouter({ navigation, history: platform.history })
urlRouter.attach()
const features = await FeatureSet.load(platform.settingsStorage)
const root = new RootViewModel({ platform, urlCreator: urlRouter, urlRouter, navigation, features })
container.appendChild(new RootView(root).mount())
await root.load()
