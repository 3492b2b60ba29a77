package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"text/template"
)

// serverTemplate is the engine's configuration. Nothing that the engine could
// log is worth the content it would keep: no logger, and none of the system log
// tables, which exist only when they are configured. Merges wait for about 16
// parts of a size instead of 6, and keep no statistics of columns, which nothing
// here reads: most of what the engine does for an event is merging it. Parts that
// were replaced are taken away within some 6 seconds instead of 40: an erasure waits
// for that.
var serverTemplate = template.Must(template.New("server").Parse(`<clickhouse>
  <logger><level>none</level><console>0</console></logger>
  <send_crash_reports><enabled>false</enabled></send_crash_reports>
  <user_directories><users_xml><path>{{.Users}}</path></users_xml></user_directories>
  <user_files_path>{{.Dir}}/user_files/</user_files_path>
  <backups><allowed_path>{{.Dir}}/backups/</allowed_path></backups>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <merge_tree><merge_selector_base>15</merge_selector_base><auto_statistics_types></auto_statistics_types>
    <cleanup_delay_period>5</cleanup_delay_period><cleanup_delay_period_random_add>1</cleanup_delay_period_random_add><max_cleanup_delay_period>5</max_cleanup_delay_period></merge_tree>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
</clickhouse>
`))

// usersTemplate makes the users. The engine's own session is user default, and
// that user cannot be given a password, so it is given nothing else: one
// session, which the engine itself holds, and no query beside its own. A second
// login as default is refused like a wrong password. Grants alone would not do:
// the scalar function file() asks for none in this build.
var usersTemplate = template.Must(template.New("users").Parse(`<clickhouse>
  <profiles>
    <default><log_queries>0</log_queries><allow_introspection_functions>0</allow_introspection_functions></default>
    <engine>
      <max_sessions_for_user>1</max_sessions_for_user>
      <max_concurrent_queries_for_all_users>1</max_concurrent_queries_for_all_users>
      <constraints>
        <max_sessions_for_user><const/></max_sessions_for_user>
        <max_concurrent_queries_for_all_users><const/></max_concurrent_queries_for_all_users>
      </constraints>
    </engine>
    <analyst>
      <max_memory_usage>1073741824</max_memory_usage><max_execution_time>300</max_execution_time>
      <constraints><max_memory_usage><const/></max_memory_usage><max_execution_time><max>900</max></max_execution_time>
        <additional_table_filters><const/></additional_table_filters><additional_result_filter><const/></additional_result_filter></constraints>
    </analyst>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <no_password/><networks><ip>::1</ip></networks><profile>engine</profile><quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
{{- range .Users}}
    <{{.Name}}>
      <password_sha256_hex>{{.Hash}}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks><profile>{{.Profile}}</profile><quota>default</quota>
      <grants>{{range .Grants}}<query>{{.}}</query>{{end}}</grants>
    </{{.Name}}>
{{- end}}
  </users>
</clickhouse>
`))

// user is one entry of the users file.
type user struct {
	Name, Hash, Profile string
	Grants              []string
}

// Names of the users.
const (
	adminName   = "zgoda"
	writerName  = "zgoda_writer"
	analystName = "zgoda_analyst"
)

var (
	adminGrants  = []string{"GRANT ALL ON *.* WITH GRANT OPTION"}
	writerGrants = []string{
		"GRANT SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON zgoda.*",
		"GRANT TABLE ENGINE ON MergeTree", "GRANT TABLE ENGINE ON ReplacingMergeTree", "GRANT TABLE ENGINE ON Memory",
		"GRANT SET DEFINER ON " + writerName, "GRANT CREATE TEMPORARY TABLE ON *.*",
	}
	analystGrants = []string{"GRANT SELECT ON zgoda.daily_activity", "GRANT SELECT ON zgoda.daily_visitors"}
)

// usersFile writes the users of an access, with hashes for passwords.
func usersFile(a Access) ([]byte, error) {
	entry := func(c Credential, profile string, grants []string) user {
		sum := sha256.Sum256([]byte(c.Password.Reveal()))
		return user{Name: c.User, Hash: hex.EncodeToString(sum[:]), Profile: profile, Grants: grants}
	}
	var b bytes.Buffer
	err := usersTemplate.Execute(&b, map[string]any{"Users": []user{
		entry(a.Admin, "default", adminGrants), entry(a.Writer, "default", writerGrants), entry(a.Analyst, "analyst", analystGrants),
	}})
	if err != nil {
		return nil, fmt.Errorf("write the engine's users: %w", err)
	}
	return b.Bytes(), nil
}

// serverFile writes the engine's configuration.
func serverFile(dir, users string) ([]byte, error) {
	var b bytes.Buffer
	if err := serverTemplate.Execute(&b, map[string]string{"Dir": escape(dir), "Users": escape(users)}); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	return b.Bytes(), nil
}

// escape makes a path safe inside XML.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
