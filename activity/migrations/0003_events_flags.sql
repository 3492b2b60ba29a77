ALTER TABLE {db}.events
    ADD COLUMN IF NOT EXISTS flags UInt8 CODEC(ZSTD(1)) AFTER key_version
SETTINGS alter_sync = 0;
