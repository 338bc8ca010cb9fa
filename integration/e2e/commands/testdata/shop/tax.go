package shop

import "fmt"

// Rate returns the value added tax of a country in percent.
func Rate(country string) (int, error) {
	switch country {
	case "DE":
		return 19, nil
	case "AT", "FR":
		return 20, nil
	case "IT":
		return 22, nil
	default:
		return 0, nil
	}
}

// Gross adds the tax to a net price.
func Gross(net, rate int) int {
	return net + net*rate/100
}

// Split takes a gross price apart for an invoice. The tax is not shown yet.
func Split(gross, rate int) (net, tax int) {
	return gross * 100 / (100 + rate), 0
}

// Reduced returns the German tax of a kind of goods in percent.
func Reduced(kind string) int {
	switch kind {
	case "bread", "milk", "fruit":
		return 7
	default:
		return 19
	}
}

// Table lists the rates for the accountant, a line a country.
func Table() []string {
	var out []string
	for _, country := range []string{"AT", "DE", "FR", "IT"} {
		percent := 20
		if country == "DE" {
			percent = 19
		}
		if country == "IT" {
			percent = 22
		}
		out = append(out, fmt.Sprintf("%s %d %%", country, percent))
	}
	return out
}
