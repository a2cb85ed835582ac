# Gives each new network card the settings of the card that it replaces. PowerShell 2.0; no word of a language.
# It runs at every start until all cards have theirs, and then removes its service.
$ErrorActionPreference = 'Stop'
$folder = Join-Path $env:SystemRoot 'traghetto'
$done = Join-Path $folder 'first-boot.done'
if (Test-Path -LiteralPath $done) { return }

$cards = @(
#CARDS#
)

function Note($text) {
    $line = (Get-Date -Format s) + ' ' + $text
    Add-Content -LiteralPath (Join-Path $folder 'first-boot.log') -Value $line -Encoding UTF8
}

function Invoke-Netsh {
    & (Join-Path $env:SystemRoot 'System32\netsh.exe') interface ipv4 @args | Out-Null
    if ($LASTEXITCODE -ne 0) { throw ('netsh interface ipv4 ' + ($args -join ' ') + ': ' + $LASTEXITCODE) }
}

# The one card of this address on a bus: filters and teams show the address of the card below them.
function Get-Card($mac) {
    $found = @(Get-WmiObject Win32_NetworkAdapter -Filter "MACAddress='$mac'" |
        Where-Object { $_.PNPDeviceID -like 'PCI\*' })
    if ($found.Count -ne 1) { throw ('' + $found.Count + ' cards have the address ' + $mac) }
    $found[0]
}

# What is stored for the card, connected or not.
function Test-Settled($guid, $card) {
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces\' + $guid
    $now = Get-ItemProperty -LiteralPath $key
    $addresses = @($card.Addresses | ForEach-Object { $_[0] }) -join ' '
    $gateways = @($card.Gateways | ForEach-Object { $_[0] }) -join ' '
    (@($now.IPAddress) -join ' ') -eq $addresses -and (@($now.DefaultGateway) -join ' ') -eq $gateways -and
        ([string]$now.NameServer) -eq ($card.Dns -join ',')
}

# Servers of names: the first replaces what is there, the others follow.
function Set-Servers($what, $name, $servers, $more) {
    $place = 1
    foreach ($server in $servers) {
        if ($place -eq 1) { Invoke-Netsh set $what $name 'source=static' "address=$server" @more }
        else { Invoke-Netsh add $what $name "address=$server" "index=$place" @more }
        $place++
    }
}

function Set-Card($card) {
    $adapter = Get-Card $card.Mac
    if (Test-Settled $adapter.GUID $card) { return }
    $name = 'name=' + $adapter.InterfaceIndex
    $first = $true
    foreach ($address in $card.Addresses) {
        if ($first) { Invoke-Netsh set address $name 'source=static' "address=$($address[0])" "mask=$($address[1])" 'gateway=none' }
        else { Invoke-Netsh add address $name "address=$($address[0])" "mask=$($address[1])" }
        $first = $false
    }
    foreach ($gateway in $card.Gateways) {
        Invoke-Netsh add address $name "gateway=$($gateway[0])" "gwmetric=$($gateway[1])"
    }
    Set-Servers dnsservers $name $card.Dns #VALIDATE#
    Set-Servers winsservers $name $card.Wins @()
    if ($card.Netbios -ne 0) {
        $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\NetBT\Parameters\Interfaces\Tcpip_' + $adapter.GUID
        Set-ItemProperty -LiteralPath $key -Name NetbiosOptions -Value $card.Netbios
    }
    if (-not (Test-Settled $adapter.GUID $card)) { throw ('the settings of ' + $card.Mac + ' are not stored') }
    Note ('the card ' + $card.Mac + ' has its settings')
}

# Windows installs the card while this runs: ten minutes for all, and again at the next start.
for ($try = 1; $try -le 120; $try++) {
    $failed = $null
    foreach ($card in $cards) {
        try { Set-Card $card } catch { $failed = $_ }
    }
    if ($failed -eq $null) {
        Set-Content -LiteralPath $done -Value (Get-Date -Format s) -Encoding ASCII
        & (Join-Path $env:SystemRoot 'System32\sc.exe') delete '#SERVICE#' | Out-Null
        return
    }
    if ($try -eq 1 -or $try -eq 120) { Note ('not yet: ' + $failed) }
    Start-Sleep -Seconds 5
}
