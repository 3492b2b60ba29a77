package config

import (
	"strings"
	"testing"
)

func TestReplicasAreValidated(t *testing.T) {
	const first = "clickhouse: clickhouse://zgoda:hushed@ch1.example:9440/zgoda?secure=true\nclickhouse_replicas: "
	for _, c := range []struct{ text, key string }{
		{first + "[ch2.example:9440, 10.0.0.3:9000]", ""},
		{"clickhouse: clickhouse://ch1.example:9000/zgoda", ""},
		{"clickhouse_replicas: [ch2.example:9440]", "clickhouse_replicas:"},
		{first + "[" + strings.Repeat("r.example:1, ", MaxReplicas) + "r.example:1]", "clickhouse_replicas: lists more than 16"},
		{first + "[ch1.example:9440]", "clickhouse_replicas[0]:"},
		{first + "[ch2.example:9440, ch2.example:9440]", "clickhouse_replicas[1]:"},
		{first + "[ch2.example]", "clickhouse_replicas[0]:"},
		{first + "['zgoda:hushed@ch2.example:9440']", "clickhouse_replicas[0]:"},
		{first + "['ch2.example:9440/other']", "clickhouse_replicas[0]:"},
		{first + "['a1b2c3d4e5f60718293a4b5c6d7e8f90-1.elb.example:9000']", "clickhouse_replicas[0]:"},
		{"clickhouse: clickhouse://zgoda:hushed@ch1.example,ch2.example:9000/zgoda", "clickhouse:"},
	} {
		parsed, err := Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		err = parsed.Validate()
		if (err == nil) != (c.key == "") || err != nil && (!strings.Contains(err.Error(), c.key) || strings.Contains(err.Error(), "hushed")) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestReplicasLogInAlike: with the user, the database and the options of the first; a
// variable replaces the list.
func TestReplicasLogInAlike(t *testing.T) {
	c, err := Resolve(Settings{ClickHouse: "clickhouse://zgoda:hushed@ch1.example:9440/events?secure=true"}, "", func(name string) (string, bool) {
		if name == "ZGODA_CLICKHOUSE_REPLICAS" {
			return "ch2.example:9440,ch3.example:9440", true
		}
		return "", false
	})
	if err != nil {
		t.Fatal(err)
	}
	list := c.ReplicaDSNs()
	if len(list) != 2 || list[1].Reveal() != "clickhouse://zgoda:hushed@ch3.example:9440/events?secure=true" || strings.Contains(list[1].String(), "hushed") {
		t.Error(list)
	}
	var said strings.Builder
	if err := c.explainReplicas(&said); err != nil || !strings.Contains(said.String(), "ch2.example:9440, ch3.example:9440") {
		t.Error(said.String(), err)
	}
}
