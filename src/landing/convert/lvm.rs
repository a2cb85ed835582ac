//! Logical volumes, in the text that pvck prints of a physical one.

/// Bytes of a sector, in which LVM counts.
const SECTOR: u64 = 512;

/// A logical volume of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) group: String,
    pub(super) name: String,
    /// Where it begins on this physical volume and how long it is, in bytes; none where it does not lie
    /// on it in one piece.
    pub(super) place: Option<(u64, u64)>,
}

/// The volumes of the group that the physical volume `uuid` is of.
pub(super) fn volumes(text: &str, uuid: &str) -> Vec<Volume> {
    let Some(group) = group(text) else { return Vec::new() };
    let lines = sections(text);
    let number = |path: &[&str], key: &str| value(&lines, path, key)?.parse::<u64>().ok();
    let Some(extent) = number(&[group], "extent_size").and_then(|sectors| sectors.checked_mul(SECTOR)) else {
        return Vec::new();
    };
    let physical = names(&lines, &[group, "physical_volumes"]).into_iter().find(|name| {
        let id = value(&lines, &[group, "physical_volumes", name], "id");
        id.is_some_and(|id| id.trim_matches('"') == uuid)
    });
    let Some(physical) = physical else { return Vec::new() };
    let start = number(&[group, "physical_volumes", physical], "pe_start");
    let place = |name: &str| {
        let volume = [group, "logical_volumes", name];
        let segment = [group, "logical_volumes", name, "segment1"];
        let linear = number(&volume, "segment_count") == Some(1)
            && value(&lines, &segment, "type") == Some("\"striped\"")
            && number(&segment, "stripe_count") == Some(1)
            && number(&segment, "start_extent") == Some(0);
        let (on, first) = stripe(&lines, &segment).filter(|_| linear)?;
        let begin = start?.checked_mul(SECTOR)?.checked_add(first.checked_mul(extent)?)?;
        let length = number(&segment, "extent_count")?.checked_mul(extent)?;
        (on == physical).then_some((begin, length))
    };
    names(&lines, &[group, "logical_volumes"])
        .into_iter()
        .map(|name| Volume { group: group.to_owned(), name: name.to_owned(), place: place(name) })
        .collect()
}

/// The group's name: the first section.
fn group(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_suffix(" {")).map(str::trim)
}

/// A line with the sections that it stands in.
type Line<'a> = (Vec<&'a str>, &'a str);

fn sections(text: &str) -> Vec<Line<'_>> {
    let mut path = Vec::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        match line.strip_suffix('{') {
            Some(name) => path.push(name.trim()),
            None if line == "}" => drop(path.pop()),
            None => found.push((path.clone(), line)),
        }
    }
    found
}

fn value<'a>(lines: &[Line<'a>], path: &[&str], key: &str) -> Option<&'a str> {
    lines.iter().filter(|(at, _)| at == path).find_map(|(_, line)| line.strip_prefix(key)?.strip_prefix(" = "))
}

/// The names of the sections right below one.
fn names<'a>(lines: &[Line<'a>], path: &[&str]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for (at, _) in lines.iter().filter(|(at, _)| at.len() > path.len() && at.starts_with(path)) {
        if !found.contains(&at[path.len()]) {
            found.push(at[path.len()]);
        }
    }
    found
}

/// The physical volume and the extent of a stripe.
fn stripe<'a>(lines: &[Line<'a>], path: &[&str]) -> Option<(&'a str, u64)> {
    let line = lines.iter().find(|(at, line)| at == path && line.starts_with('"'))?.1;
    let (name, extent) = line.split_once(',')?;
    Some((name.trim_matches('"'), extent.trim().trim_end_matches(',').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = include_str!("lvm_dump.txt");

    #[test]
    fn a_volume_in_one_piece_has_a_place() {
        let found = volumes(DUMP, "RueH5a-0tSg-ij92-OkO2-4eKY-flJC-4NUUHr");
        let (root, swap) = (&found[0], &found[1]);
        assert_eq!((root.group.as_str(), root.name.as_str(), root.place), ("s-ys", "root", None));
        let (mib, extent) = (1u64 << 20, 4u64 << 20);
        assert_eq!((swap.name.as_str(), swap.place), ("swap", Some((mib + 10 * extent, 10 * extent))));
    }

    #[test]
    fn nothing_is_read_of_another_volume_or_of_nonsense() {
        assert_eq!(volumes(DUMP, "other"), []);
        for text in ["", "{", "}\n}\n", "vg {", "vg {\nextent_size = 99999999999999999999\n}"] {
            assert_eq!(volumes(text, "RueH5a-0tSg-ij92-OkO2-4eKY-flJC-4NUUHr"), [], "{text}");
        }
        let huge = DUMP.replace("extent_size = 8192", "extent_size = 18446744073709551615");
        assert_eq!(volumes(&huge, "RueH5a-0tSg-ij92-OkO2-4eKY-flJC-4NUUHr"), []);
    }
}
