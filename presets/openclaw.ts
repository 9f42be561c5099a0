/**
 * Where OpenClaw keeps its plugins and hooks and what it asks of them: data that `plugin-hooks` reads.
 * Read from OpenClaw 2026.9.6 (its docs `plugins/manifest/package-json`, `automation/hooks/configuration`, and its code).
 */

import { config, hookMetadata, pluginManifest, pluginPackage } from '../schemas/openclaw.ts'
import { openclawConfig } from './openclaw-config.ts'
import type { Preset } from './shape.ts'

export const openclaw: Preset = {
  ...openclawConfig,
  schema: config,
  workspaces: {
    variable: 'OPENCLAW_WORKSPACE_DIR',
    pointers: ['/agents/defaults/workspace', '/agents/entries/*/workspace', '/agents/list/*/workspace'],
    folder: 'workspace',
  },
  plugins: {
    manifest: { file: 'openclaw.plugin.json', schema: pluginManifest },
    package: {
      key: 'openclaw',
      schema: pluginPackage,
      entries: 'extensions',
      built: 'runtimeExtensions',
      setup: 'setupEntry',
      builtSetup: 'runtimeSetupEntry',
    },
    entries: ['index.ts', 'index.js', 'index.mjs', 'index.cjs'],
    // Other ecosystems' bundles, of which OpenClaw runs no code.
    bundles: ['.codex-plugin/plugin.json', '.cursor-plugin/plugin.json', '.claude-plugin/plugin.json', 'plugin.json'],
    files: ['/skills/*', '/providerCatalogEntry', '/capabilityCatalogEntry'],
    lazyKeys: ['specifier'],
    // In the order in which a copy of a plugin comes before another one of the same id.
    places: [
      { origin: 'config', list: '/plugins/load/paths' },
      { origin: 'managed', projects: 'npm/projects' },
      { origin: 'managed', project: 'npm' },
      { origin: 'managed', folders: 'git/*/repo' },
      { origin: 'workspace', below: 'workspace', folders: '.openclaw/extensions/*' },
      { origin: 'global', folders: 'extensions/*' },
    ],
    ignored: ['.*', 'node_modules', 'dist', 'build', 'coverage', '*.bak', '*.backup-*', '*.disabled*'],
    policy: {
      enabled: '/plugins/enabled',
      allow: '/plugins/allow',
      deny: '/plugins/deny',
      entries: '/plugins/entries',
      slots: { memory: '/plugins/slots/memory', 'context-engine': '/plugins/slots/contextEngine' },
      slotDefaults: { memory: 'memory-core', 'context-engine': 'legacy' },
      exclusive: 'memory',
      channels: '/channels',
    },
    retired: ['google-antigravity-auth', 'google-gemini-cli-auth', 'skill-workshop'],
    install: 'openclaw plugins install {name} --force',
  },
  hooks: {
    document: 'HOOK.md',
    metadata: { key: 'openclaw', schema: hookMetadata },
    handlers: ['handler.ts', 'handler.js', 'index.ts', 'index.js'],
    package: { key: 'openclaw', list: 'hooks' },
    places: [
      { origin: 'config', list: '/hooks/internal/load/extraDirs' },
      { origin: 'managed', folders: 'hooks/*' },
      { origin: 'workspace', below: 'workspace', folders: 'hooks/*' },
    ],
    policy: {
      enabled: '/hooks/internal/enabled',
      entries: '/hooks/internal/entries',
      extra: '/hooks/internal/load/extraDirs',
    },
    trueByDefault: ['browser.enabled', 'browser.evaluateEnabled', 'workspace.dir'],
  },
  provided: [
    'openclaw',
    'openclaw/*',
    '@openclaw/plugin-sdk',
    '@openclaw/ai',
    '@openclaw/llm-core',
    '@openclaw/markdown-core',
    '@openclaw/media-core',
    '@openclaw/normalization-core',
    '@openclaw/acp-core',
  ],
  host: {
    command: 'openclaw',
    package: 'openclaw',
    bundledVariable: 'OPENCLAW_BUNDLED_PLUGINS_DIR',
    plugins: 'dist/extensions',
    hooks: 'dist/bundled',
    // What 2026.9.6 ships, for a host that is not found on this machine.
    known:
      `a2a active-memory admin-http-rpc alibaba anthropic apple-fm azure-speech beam bonjour browser canvas clawrouter
      code-mode-quickjs copilot-proxy crabbox cua-computer deepgram device-pair document-extract elevenlabs fal file-transfer
      geolocation github-copilot github google huggingface imap linux-node litellm llm-task lmstudio
      logbook memory-core memory-wiki microsoft-foundry microsoft migrate-claude migrate-hermes minimax minimax-portal-auth
      nvidia oc-path ollama onepassword openai opencode-go openrouter policy reef runway senseaudio session-share sglang
      talk-voice telegram together tts-local-cli vault vllm web-readability webhooks workboard xai`.split(/\s+/),
    knownHooks: ['boot-md', 'bootstrap-extra-files', 'command-logger', 'compaction-notifier', 'session-memory'],
  },
}
