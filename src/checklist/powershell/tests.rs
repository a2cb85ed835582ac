use super::*;
use proptest::prelude::*;

fn wrong(script: &str) -> Vec<(String, Reason)> {
    objections(script).into_iter().map(|found| (found.what, found.why)).collect()
}

#[track_caller]
fn refused(script: &str, why: Reason) {
    let found = wrong(script);
    assert!(found.iter().any(|(_, found)| *found == why), "{script}\n{found:?}");
}

/// What items of a checklist say: all of it works in 2.0 and only reads.
const GOOD: &[&str] = &[
    "(gwmi Win32_OperatingSystem).Version",
    "$os = Get-WmiObject Win32_OperatingSystem\n'{0} {1}' -f $os.Version, $os.ServicePackMajorVersion",
    "gwmi Win32_Service | ? { $_.StartMode -eq 'Auto' -and $_.State -ne 'Running' } | % { $_.Name } | Sort-Object",
    "$k = 'HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v3.5'\nif (Test-Path $k) { (Get-ItemProperty $k).Install } else { 0 }",
    "bcdedit /enum '{current}' | Out-Null; $LASTEXITCODE",
    "$out = vssadmin list writers 2>&1\n$states = $out | % { if ($_ -match '\\[(\\d+)\\]') { $matches[1] } }\n@($states | ? { $_ -ne '1' }).Count",
    "$p = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()\n$p.GetActiveTcpListeners() | % { $_.Port } | Sort-Object -Unique",
    "$fw = New-Object -ComObject HNetCfg.FwPolicy2\n$fw.CurrentProfileTypes\n1,2,4 | % { \"$_ $($fw.FirewallEnabled($_))\" }",
    "$s = New-Object -ComObject Schedule.Service\n$s.Connect()\n$s.GetFolder('\\').GetTasks(1) | % { $_.Path }",
    "dcdiag /q | Out-String",
    "wevtutil qe System '/q:*[System[Level=2]]' /f:xml /c:50",
    "w32tm /query /source",
    "$h = @{ Name = 'a'; Value = 1 }; $h['Other'] = 2; $h.Keys",
    "switch ((gwmi Win32_ComputerSystem).DomainRole) { 4 { 'dc' } 5 { 'dc' } default { 'no' } }",
    "[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes('x'))",
    "$sha = [Security.Cryptography.SHA256]::Create(); $sha.ComputeHash([byte[]](1,2,3)) | % { $_.ToString('x2') }",
    "netsh advfirewall show allprofiles > $null; netsh winhttp show proxy",
    "gwmi Win32_Share > \"$env:TEMP\\shares.txt\"; cat \"$env:TEMP\\shares.txt\"",
    "try { $x = 1/0 } catch { throw 'no' } finally { $null }",
    "foreach ($d in gwmi Win32_LogicalDisk) { '{0}: {1:N0}' -f $d.DeviceID, $d.FreeSpace }",
    "# a comment: Remove-Item\n'Remove-Item x'\n<# Stop-Service #> Get-Date",
    "Get-ADDomainController -Filter * | select -ExpandProperty Name",
    "Test-ComputerSecureChannel",
    "if (-not (Get-Service NTDS -ErrorAction SilentlyContinue)) { 'none' }",
    "$r = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM'); $r.GetValueNames()",
    "$x = [regex]::Matches('a', 'b'); \"$($x[0].Groups[1].Value) $($x[1])\" | Sort-Object",
    "$text = wevtutil qe System '/q:*[System[(Level=1)]]' /f:xml; $text += wevtutil qe Application /f:xml",
    "$n = 0; $n += 5; for ($i = 0; $i -lt 3; $i++) { $n -= 1 }; $n..5",
];

#[test]
fn what_only_reads_and_is_old_enough_passes() {
    for script in GOOD {
        assert_eq!(wrong(script), [], "{script}");
    }
}

#[test]
fn what_is_newer_than_2_0_is_refused() {
    for script in [
        "$x | ConvertTo-Json",
        "Get-CimInstance Win32_Service",
        "Get-NetTCPConnection",
        "Get-SmbShare",
        "Get-ScheduledTask",
        "Invoke-WebRequest http://x",
        "Invoke-RestMethod http://x",
        "Resolve-DnsName x",
        "Test-NetConnection x",
        "[pscustomobject]@{a=1}",
        "[ordered]@{a=1}",
        "if ('a' -in $list) { 1 }",
        "if ('a' -notin $list) { 1 }",
        "$x | % { $PSItem.Name }",
        "[Text.StringBuilder]::new()",
        "class A { }",
        "#requires -version 3.0\n1",
        "#Requires -Version 5",
        "(1,2).ForEach({ $_ })",
        "(1,2).Where({ $_ })",
        "gwmi Win32_Service | where State -eq Running",
        "gwmi Win32_Service | ? Name",
        "gwmi Win32_Service | % Name",
        "dir -Directory",
        "dir -File C:\\",
        "cat -Raw x.txt",
        "dir && dir",
        "$using:x",
        "$a ?? 1",
        "using namespace System",
        "\"$(Get-CimInstance x)\"",
    ] {
        refused(script, Reason::Newer);
    }
}

#[test]
fn what_changes_the_host_is_refused() {
    for script in [
        "Set-Service x -StartupType Disabled",
        "New-Item C:\\x",
        "New-ItemProperty HKLM:\\x y 1",
        "Remove-Item C:\\x -Recurse",
        "Stop-Service x",
        "Start-Service x",
        "Restart-Computer",
        "'x' | Out-File C:\\x",
        "'x' > C:\\x",
        "'x' >> C:\\x.txt",
        "Add-Content C:\\x y",
        "Clear-EventLog System",
        "reg add HKLM\\x",
        "reg delete HKLM\\x /f",
        "net stop spooler",
        "net start spooler",
        "net user x /add",
        "schtasks /create /tn x",
        "[IO.File]::WriteAllText('x','y')",
        "rm C:\\x",
        "del x",
        "(gwmi Win32_Service -Filter \"Name='x'\").StopService()",
        "([wmi]'x').Delete()",
        "[system.io.file]::Open('x', 'Create')",
        "[IO.FILE]::Copy('x', 'y')",
        "$s.Put()",
        "$fw.DefaultInboundAction = 1",
        "netsh advfirewall set allprofiles state off",
        "vssadmin delete shadows",
        "bcdedit /set x y",
        "chkdsk C: /f",
        "\"text $(Remove-Item C:\\x) more\"",
        "@\"\n$(Stop-Service x)\n\"@",
        "\"$($x[1].Name) $(Remove-Item C:\\x)\"",
        "$x[0]; Remove-Item C:\\x",
        "if (1) { rmdir x }",
        "1 | % { kill 4 }",
        "$x = (Stop-Process -Id 4)",
        "Test-ComputerSecureChannel -Repair",
        "'x' > \"$env:TEMP\\..\\x\"",
        "shutdown /r",
        "sc.exe",
        "w32tm; Invoke-Expression 'x'",
        "iex x",
        "Get-Date; `\nRemove-Item x",
        "return Stop-Service x",
        "sp HKLM:\\x y 1",
        "wevtutil cl System",
        "dcdiag /fix",
        "ipconfig /release",
        "$r.SetValue('a', 1)",
    ] {
        refused(script, Reason::Writes);
    }
}

#[test]
fn what_cannot_be_read_before_it_runs_is_refused() {
    for (script, why) in [
        ("exit 3", Reason::Ends),
        ("& $command", Reason::Computed),
        ("& 'C:\\x.exe'", Reason::Computed),
        (". C:\\x.ps1", Reason::Computed),
        ("$x.$method()", Reason::Computed),
        ("reg query $x", Reason::Computed),
        ("C:\\tools\\x.exe", Reason::Unknown),
        ("nobody-knows", Reason::Unknown),
        ("New-Object -ComObject WScript.Shell", Reason::Unknown),
        ("New-Object Net.WebClient", Reason::Unknown),
        ("[Diagnostics.Process]::GetProcesses()", Reason::Unknown),
        ("[wmiclass]'Win32_Process'", Reason::Unknown),
        ("[ScriptBlock]::Create('x')", Reason::Unknown),
        ("'never closed", Reason::Unclosed),
        ("\"$(Get-Date", Reason::Unclosed),
        ("'città'", Reason::NotAscii),
        ("\u{201c}x\u{201d}", Reason::NotAscii),
    ] {
        refused(script, why);
    }
}

#[test]
fn the_place_is_that_of_the_word() {
    let script = "Get-Date\n  $x = 1; Stop-Service x";
    let found = objections(script);
    assert_eq!(found.len(), 1);
    assert_eq!(line_and_column(script, found[0].at), (2, 11));
    assert_eq!(found[0].what, "Stop-Service");
}

#[test]
fn the_scripts_of_our_own_are_old_enough() {
    for script in [include_str!("batch.ps1"), include_str!("../../survey/script.ps1")] {
        let newer: Vec<_> =
            wrong(script).into_iter().filter(|(_, why)| matches!(why, Reason::Newer | Reason::Unclosed)).collect();
        assert_eq!(newer, []);
    }
}

/// The aliases of PowerShell 2.0: an alias comes before a function of the same name.
const ALIASES: &str = "ac asnp cat cd chdir clc clear clhy cli clp cls clv cnsn compare copy cp cpi cpp cvpa dbp del diff dir \
    dnsn ebp echo epal epcsv epsn erase etsn exsn fc fl foreach ft fw gal gbp gc gci gcm gcs gdr ghy gi gjb gl gm gmo gp gps \
    group gsn gsnp gsv gu gv gwmi h history icm iex ihy ii ipal ipcsv ipmo ipsn ise iwmi kill lp ls man md measure mi mkdir \
    more mount move mp mv nal ndr ni nmo nsn nv ogv oh popd ps pushd pwd r rbp rcjb rd rdr ren ri rjb rm rmdir rmo rni rnp rp \
    rsn rsnp rv rvpa rwmi sajb sal saps sasv sbp sc select set si sl sleep sort sp spjb spps spsv start sv swmi tee type where \
    wjb write help mkdir prompt";

#[test]
fn no_function_of_ours_is_hidden_by_an_alias() {
    for script in [include_str!("batch.ps1"), include_str!("../../survey/script.ps1")] {
        let functions = script.lines().filter_map(|line| line.trim().strip_prefix("function "));
        let names: Vec<String> = functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_lowercase())).collect();
        assert!(names.len() >= 4, "{names:?}");
        let hidden: Vec<_> =
            names.iter().filter(|name| ALIASES.split_whitespace().any(|alias| alias == *name)).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }
}

proptest! {
    #[test]
    fn no_script_panics(script in "\\PC{0,80}") {
        let _ = objections(&script);
    }

    #[test]
    fn no_script_of_its_signs_panics(script in "[a-z$@(){}\\[\\]'\"`.:;|&<>#= \\n-]{0,60}") {
        let _ = objections(&script);
    }

    /// Whatever stands before it, on a line of its own a command that writes is found, unless a quote,
    /// a here-string or a comment swallows it, which is then unclosed or on its line.
    #[test]
    fn a_command_that_writes_does_not_hide(lines in proptest::collection::vec("[a-z0-9 ,;+$]{0,20}", 0..4)) {
        let script = lines.join("\n") + "\nRemove-Item C:\\x\n";
        prop_assert!(objections(&script).iter().any(|found| found.why == Reason::Writes), "{}", script);
    }
}
