package paths

import (
	"slices"
	"testing"
)

func TestIsTest(t *testing.T) {
	for p, want := range map[string]bool{
		"a/store_test.go": true, "a/test_store.py": true, "a/store_spec.rb": true, "a/store.test.ts": true,
		"a/store.spec.ts": true, "a/StoreTest.java": true, "a/StoreTests.cs": true, "a/StoreSpec.kt": true,
		"test/a.c": true, "a/tests/b.c": true, "a/__tests__/b.js": true, "spec/a.rb": true,
		"a/store.go": false, "a/latest.go": false, "testing/a.go": false, "contest/a.go": false, "a/spec.md": false,
	} {
		if got := IsTest(p); got != want {
			t.Errorf("%s: got %t, want %t", p, got, want)
		}
	}
}

// Every place that a language's tests have by habit is among those looked at.
func TestTestsOf_Places(t *testing.T) {
	for p, want := range map[string][]string{
		"a/store.go":               {"a/store_test.go", "tests/a/store_test.go"},
		"src/cart/store.py":        {"src/cart/test_store.py", "tests/cart/store_test.py"},
		"lib/store.rb":             {"spec/store_spec.rb", "test/store_test.rb", "tests/store_spec.rb"},
		"src/main/java/Store.java": {"src/test/java/StoreTest.java"},
		"app/store.ts":             {"app/store.test.ts", "app/__tests__/store.spec.ts", "app/tests/store.test.ts"},
		"app/Cart.vue":             {"app/Cart.test.ts"},
		"app/cart.jsx":             {"app/cart.test.jsx"},
	} {
		got := TestsOf(p)
		for _, place := range want {
			if !slices.Contains(got, place) {
				t.Errorf("%s: %s is not in %q", p, place, got)
			}
		}
	}
	if got := TestsOf("a/README.md"); got != nil {
		t.Errorf("a file without tests: got %q", got)
	}
}
