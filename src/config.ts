/** The settings of a process: one table, validated and frozen. See docs/configuration.md. */
export { type DescribedSetting, describeConfig } from './config/describe.js';
export { loadConfig, requireBrokers } from './config/load.js';
export { type Config, type SettingRow, settingsTable } from './config/table.js';
