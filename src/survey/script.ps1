# Reads only: no file of the host is written, nothing is installed, no service is asked to act.
# Works with PowerShell 2.0; says what the script for sh says, in its form, in UTF-8 whatever the code page.
$stdout = [Console]::OpenStandardOutput()
$english = [Globalization.CultureInfo]::InvariantCulture
function Say($text) {
  $bytes = [Text.Encoding]::UTF8.GetBytes([string]$text)
  $stdout.Write($bytes, 0, $bytes.Length)
}
# A section; what cannot be read is told by its status, complaints are not kept.
function Section($name, $block) {
  Say "`n$mark begin $name`n"
  $status = 0
  try { foreach ($line in (& $block)) { Say ([Convert]::ToString($line, $english) + "`n") } } catch { $status = 1 }
  Say "`n$mark end $status`n"
}
$ErrorActionPreference = 'Stop'
# A text as one word, and inside quotes.
function Word($text) { ([string]$text).Trim() -replace '\s+', '_' }
function Quoted($text) { '"' + (([string]$text).Trim() -replace '["\r\n]', ' ') + '"' }
# An address as the kernel of Linux writes it: words of 32 bits in the byte order of the machine.
function Hexadecimal($address) {
  $bytes = ([Net.IPAddress]$address).GetAddressBytes()
  $text = ''
  for ($at = 0; $at -lt $bytes.Length; $at += 4) {
    foreach ($place in 3, 2, 1, 0) { $text += $bytes[$at + $place].ToString('X2') }
  }
  $text
}
function Bits($mask) {
  $bits = 0
  foreach ($byte in ([Net.IPAddress]$mask).GetAddressBytes()) { while ($byte) { $bits += $byte -band 1; $byte = [Math]::Floor($byte / 2) } }
  $bits
}
$system = Get-WmiObject Win32_OperatingSystem
$machine = Get-WmiObject Win32_ComputerSystem
$named = @{}
Get-WmiObject Win32_NetworkAdapter | ForEach-Object { $named[[int]$_.Index] = $_ }

Section system { 'PRETTY_NAME=' + (Quoted $system.Caption) }
Section kernel {
  $machine.Name
  '{0}.{1}' -f $system.Version, $system.ServicePackMajorVersion
  $kind = $env:PROCESSOR_ARCHITEW6432
  if (-not $kind) { $kind = $env:PROCESSOR_ARCHITECTURE }
  if ($kind -eq 'AMD64') { 'x86_64' } else { $kind.ToLower() }
}
Section machine {
  $kind = 'none'
  foreach ($sign in @(@('VMware', 'vmware'), @('VirtualBox', 'oracle'), @('KVM', 'kvm'), @('QEMU', 'qemu'), @('Virtual Machine', 'microsoft'))) {
    if (($machine.Manufacturer + ' ' + $machine.Model) -match $sign[0]) { $kind = $sign[1] }
  }
  "virtualisation=$kind"
  'sys_vendor=' + $machine.Manufacturer
  'product_name=' + $machine.Model
  if ((bcdedit /enum '{current}' | Out-String) -match 'winload\.efi') { 'firmware=uefi' } else { 'firmware=bios' }
  'processors=' + $machine.NumberOfLogicalProcessors
  'MemTotal: {0} kB' -f [Math]::Floor($machine.TotalPhysicalMemory / 1024)
}
Section running {
  $since = [Management.ManagementDateTimeConverter]::ToDateTime($system.LastBootUpTime)
  '{0}.0 0' -f [Math]::Floor(((Get-Date) - $since).TotalSeconds)
}
# Partitions by their disk and number, with the letter of the filesystem on them.
$volumes = @{}
Get-WmiObject Win32_LogicalDiskToPartition | ForEach-Object {
  if ($_.Antecedent -match 'Disk #(\d+), Partition #(\d+)') {
    $place = 'PhysicalDrive{0}p{1}' -f $matches[1], $matches[2]
    if ($_.Dependent -match 'DeviceID="([A-Z]:)"') { $volumes[$place] = $matches[1] }
  }
}
$letters = @{}
Get-WmiObject Win32_LogicalDisk -Filter 'DriveType=3' | ForEach-Object { $letters[$_.DeviceID] = $_ }
Section disks {
  Get-WmiObject Win32_DiskDrive | Sort-Object Index | ForEach-Object {
    'KNAME="PhysicalDrive{0}" PKNAME="" TYPE="disk" SIZE="{1}" RO="0" FSTYPE="" UUID="" MODEL={2}' -f $_.Index, $_.Size, (Quoted $_.Model)
  }
  Get-WmiObject Win32_DiskPartition | Sort-Object 'DiskIndex', 'Index' | ForEach-Object {
    $name = 'PhysicalDrive{0}p{1}' -f $_.DiskIndex, $_.Index
    $volume = $null
    if ($volumes[$name]) { $volume = $letters[$volumes[$name]] }
    'KNAME="{0}" PKNAME="PhysicalDrive{1}" TYPE="part" SIZE="{2}" RO="0" FSTYPE="{3}" UUID="{4}" MODEL=""' -f $name, $_.DiskIndex, $_.Size, ([string]$volume.FileSystem).ToLower(), $volume.VolumeSerialNumber
  }
}
# The medium's own number; an older Windows writes it as hexadecimal digits, which the reader undoes.
Section serials {
  $media = @{}
  Get-WmiObject Win32_PhysicalMedia | ForEach-Object {
    if ($_.Tag -match 'PHYSICALDRIVE(\d+)$') { $media[[int]$matches[1]] = [string]$_.SerialNumber }
  }
  Get-WmiObject Win32_DiskDrive | Sort-Object Index | ForEach-Object {
    $serial = $media[[int]$_.Index]
    if (-not $serial) { $serial = [string]$_.SerialNumber }
    if ($serial) { 'PhysicalDrive{0} {1}' -f $_.Index, (Word $serial) }
  }
}
Section mounts {
  $volumes.Keys | Sort-Object | ForEach-Object {
    $volume = $letters[$volumes[$_]]
    if ($volume) { '/dev/{0} {1} {2} rw 0 0' -f $_, $volume.DeviceID, ([string]$volume.FileSystem).ToLower() }
  }
}
Section usage {
  $volumes.Keys | Sort-Object | ForEach-Object {
    $volume = $letters[$volumes[$_]]
    if ($volume -and $volume.Size) {
      $size = [Math]::Floor($volume.Size / 1024)
      $free = [Math]::Floor($volume.FreeSpace / 1024)
      '/dev/{0} {1} {2} {3} {4}% {5}' -f $_, $size, ($size - $free), $free, [Math]::Ceiling(100 * ($size - $free) / $size), $volume.DeviceID
    }
  }
}
Section devices { $volumes.Keys | Sort-Object | ForEach-Object { "/dev/$_ /dev/$_" } }
Section interfaces {
  $number = 0
  Get-WmiObject Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=TRUE' | ForEach-Object {
    $number += 1
    $name = Word $named[[int]$_.Index].NetConnectionID
    if ($_.MACAddress) { '{0} mac {1}' -f $name, $_.MACAddress.ToLower() }
    for ($at = 0; $at -lt $_.IPAddress.Length; $at++) {
      $address = $_.IPAddress[$at]
      if ($address -match ':') { '{0}: {1} inet6 {2}/{3} scope' -f $number, $name, $address, $_.IPSubnet[$at] }
      else { '{0}: {1} inet {2}/{3} scope' -f $number, $name, $address, (Bits $_.IPSubnet[$at]) }
    }
  }
}
Section routes {
  $owners = @{}
  $named.Values | ForEach-Object { if ($_.InterfaceIndex -ne $null) { $owners[[int]$_.InterfaceIndex] = Word $_.NetConnectionID } }
  Get-WmiObject Win32_IP4RouteTable | ForEach-Object {
    $local = $_.Destination -match '^(127|22[4-9]|23\d|255)\.' -or $_.Mask -eq '255.255.255.255'
    $owner = $owners[[int]$_.InterfaceIndex]
    if (-not $local -and $owner) {
      '{0} {1} {2} 0003 0 0 {3} {4} 0 0 0' -f $owner, (Hexadecimal $_.Destination), (Hexadecimal $_.NextHop), $_.Metric1, (Hexadecimal $_.Mask)
    }
  }
}
Section resolver {
  Get-WmiObject Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=TRUE' | ForEach-Object { $_.DNSServerSearchOrder } |
    Where-Object { $_ } | Select-Object -Unique | ForEach-Object { "nameserver $_" }
}
Section services { Get-WmiObject Win32_Service -Filter "State='Running'" | ForEach-Object { Word $_.Name } }
Section sockets {
  $all = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
  'tcp'
  $all.GetActiveTcpListeners() | ForEach-Object { '0: {0}:{1} 0:0 0A' -f (Hexadecimal $_.Address), $_.Port.ToString('X4') }
  'udp'
  $all.GetActiveUdpListeners() | ForEach-Object { '0: {0}:{1} 0:0 07' -f (Hexadecimal $_.Address), $_.Port.ToString('X4') }
}
Section directory {
  if ($machine.DomainRole -ge 4) { (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\NTDS\Parameters').'DSA Database file' }
}
# The sources of the inventory are those of a Linux: none of them is here.
Section sources { '' }
[Environment]::Exit(0)
