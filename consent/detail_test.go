package consent

import "testing"

func TestNamesOfCarriersAndDetails(t *testing.T) {
	seen := map[string]bool{"": true}
	for c := CarrierNone + 1; c < carrierCount; c++ {
		if seen[c.String()] {
			t.Errorf("carrier %d has no name of its own", c)
		}
		seen[c.String()] = true
	}
	for d := DetailNone + 1; d < detailCount; d++ {
		if seen[d.String()] {
			t.Errorf("detail %d has no name of its own", d)
		}
		seen[d.String()] = true
	}
	if CarrierNone.String() != "" || DetailNone.String() != "" || Carrier(200).String() != "" || Detail(200).String() != "" {
		t.Error("what is nothing has a name")
	}
}
