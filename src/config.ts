/** The settings of a process: one table, validated and frozen. See docs/configuration.md. */
export { type DescribedSetting, describeConfig } from './config/describe.js';
export { loadConfig, requireBrokers, settingNames } from './config/load.js';
export { readSecret } from './config/secret.js';
export { type Config, type SettingRow, settingsTable } from './config/table.js';
