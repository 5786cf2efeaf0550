package evidence

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"pve-iplease/internal/pve"
)

// maxArea is how many addresses a picture shows.
const maxArea = 1 << 16

// Area is what a picture of the pool shows: its whole network, of a network
// that is too large the pool's ranges, and nothing of one that is larger still.
func (p Map) Area() []pve.Range {
	if bits := p.Pool.Subnet.Addr().BitLen() - p.Pool.Subnet.Bits(); bits <= 16 {
		first := p.Pool.Subnet.Masked().Addr()
		return []pve.Range{{First: first, Last: Offset(first, 1<<bits-1)}}
	}
	if p.Pool.Size() > maxArea {
		return nil
	}
	all := slices.Clone(p.Pool.Ranges)
	slices.SortFunc(all, func(a, b pve.Range) int { return a.First.Compare(b.First) })
	return all
}

// Offset is the address so many behind another one.
func Offset(a netip.Addr, n uint64) netip.Addr {
	b := a.As16()
	low := binary.BigEndian.Uint64(b[8:])
	binary.BigEndian.PutUint64(b[8:], low+n)
	if low+n < low {
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+1)
	}
	out := netip.AddrFrom16(b)
	if a.Is4() {
		return out.Unmap()
	}
	return out
}

// Count says how many addresses of the picture have each mark, or, without a
// picture, of those that something is known of.
func (p Map) Count() map[Mark]int {
	count := map[Mark]int{}
	area := p.Area()
	if len(area) == 0 {
		for _, s := range p.Spots {
			count[s.Mark]++
		}
	}
	for _, r := range area {
		for a := r.First; r.Contains(a); a = a.Next() {
			count[p.Mark(a)]++
		}
	}
	return count
}

// Block is a run of cells of one row, aligned as networks are.
type Block struct {
	First netip.Addr // of the row, also where the picture begins further in
	Lead  int        // cells of the row before the picture begins
	Cells []Mark
	Each  uint64 // addresses in a cell
	Same  uint64 // so many rows are alike: the cells are those of the first
}

// Blocks cuts the picture into rows of so many cells. A cell is one address;
// where that makes more rows than most, it is 2, 4, … and shows the highest of
// their marks. Rows that are all of one mark, and the same as the one before,
// are told together.
func (p Map) Blocks(cells, most int) []Block {
	for each := uint64(1); ; each *= 2 {
		var all []Block
		for _, r := range p.Area() {
			all = append(all, p.rows(r, cells, each)...)
		}
		if len(all) <= most || each > maxArea {
			return all
		}
	}
}

func (p Map) rows(r pve.Range, cells int, each uint64) []Block {
	var all []Block
	row := uint64(cells) * each
	for a := r.First; r.Contains(a); {
		low := last8(a) % row
		b := Block{First: before(a, low), Lead: int(low / each), Each: each, Same: 1}
		end := Offset(a, row-low-1)
		for ; r.Contains(a) && a.Compare(end) <= 0; a = Offset(a, each-last8(a)%each) {
			b.Cells = append(b.Cells, p.highest(a, r, each))
		}
		if n := len(all) - 1; n >= 0 && b.uniform(cells) && all[n].uniform(cells) && b.Cells[0] == all[n].Cells[0] {
			all[n].Same++
			continue
		}
		all = append(all, b)
		if !a.IsValid() || a.Compare(r.First) <= 0 {
			break // the end of all addresses
		}
	}
	return all
}

// before is the address so many before another one.
func before(a netip.Addr, n uint64) netip.Addr {
	for ; n > 0; n-- {
		a = a.Prev()
	}
	return a
}

// last8 is the low half of an address as a number.
func last8(a netip.Addr) uint64 {
	b := a.As16()
	return binary.BigEndian.Uint64(b[8:])
}

// highest is the mark of a cell.
func (p Map) highest(a netip.Addr, r pve.Range, each uint64) Mark {
	mark := Outside
	for n := each - last8(a)%each; n > 0 && r.Contains(a); n, a = n-1, a.Next() {
		mark = max(mark, p.Mark(a))
	}
	return mark
}

// uniform reports whether a whole row has one mark, of which there is nothing
// to tell.
func (b Block) uniform(cells int) bool {
	return len(b.Cells) == cells && b.Cells[0] <= Free && !slices.ContainsFunc(b.Cells, func(m Mark) bool { return m != b.Cells[0] })
}
