module.exports = {
  apps: [
    {
      name: 'gateway',
      script: '/opt/gateway/run',
      interpreter: 'none',
      cwd: '/opt/gateway',
      stop_exit_codes: [69, 78],
      exp_backoff_restart_delay: 1000,
      // Longer than --kill-after; 1.6 s otherwise.
      kill_timeout: 15_000,
      treekill: false,
    },
  ],
}
