// `pnpm start --json` and `pnpm bench --json` are read by machines: what pnpm itself has to say goes to stderr, or is not said.
const forMachines = process.env.NS_STDOUT_IS_DATA === '1' || (process.argv.includes('--json') && process.argv.some((a) => a === 'start' || a === 'bench'));
if (forMachines) process.env.NS_STDOUT_IS_DATA = '1';

module.exports = {
  hooks: {
    updateConfig(config) {
      if (forMachines) {
        config.useStderr = true;
        if (!process.argv.includes('install')) config.reporter = 'silent';
      }
      return config;
    },
  },
};
