$begin = '$ErrorActionPreference = ''Stop''' + [char]10
$begin += '$who = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())' + [char]10
$begin += 'if (-not $who.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { throw ''not elevated: log in, or start it, as an administrator'' }' + [char]10
$begin += '[Threading.Thread]::CurrentThread.CurrentCulture = [Globalization.CultureInfo]::InvariantCulture' + [char]10
function Tell($text) { [Console]::Out.Write($text + [char]10) }
function TellBytes($text, $most) {
  $bytes = [Text.Encoding]::UTF8.GetBytes([string]$text)
  $end = [Math]::Min($bytes.Length, $most)
  for ($at = 0; $at -lt $end; $at += 1024) {
    Tell ([BitConverter]::ToString($bytes, $at, [Math]::Min(1024, $end - $at)).Replace('-', ' '))
  }
}
function AsText($value) {
  if ($value -eq $null) { return '' }
  try { [Convert]::ToString($value.PSObject.BaseObject, [Globalization.CultureInfo]::InvariantCulture) } catch { [string]$value }
}
function Item($id, $limit, $most, $code) {
  $out = ''; $errors = ''; $exit = 0; $late = $false
  $watch = [Diagnostics.Stopwatch]::StartNew()
  try {
    $space = [Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace()
    $space.Open()
    $shell = [Management.Automation.PowerShell]::Create()
    $shell.Runspace = $space
    [void]$shell.AddScript($begin + [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($code)))
    $run = $shell.BeginInvoke()
    $late = -not $run.AsyncWaitHandle.WaitOne($limit, $false)
    if ($late) { [void]$shell.BeginStop($null, $null); $exit = 137 } else {
      try {
        $said = New-Object Text.StringBuilder
        foreach ($value in $shell.EndInvoke($run)) {
          if ($said.Length -gt $most) { break }
          [void]$said.Append((AsText $value)).Append([char]10)
        }
        $out = $said.ToString()
        $last = $space.SessionStateProxy.GetVariable('LASTEXITCODE')
        if ($last -is [int]) { $exit = [BitConverter]::ToUInt32([BitConverter]::GetBytes($last), 0) }
      } catch { $exit = 126; $errors = $_.Exception.GetBaseException().Message + [char]10 }
      foreach ($problem in $shell.Streams.Error) { $exit = 126; $errors += (AsText $problem) + [char]10 }
      $shell.Dispose(); $space.Dispose()
    }
  } catch { $exit = 126; $errors += $_.Exception.GetBaseException().Message }
  $took = [Convert]::ToString($watch.ElapsedMilliseconds / 1000, [Globalization.CultureInfo]::InvariantCulture)
  Tell "$n rc $id $exit 0 $took"
  Tell "$n out $id"; TellBytes $out $most
  Tell "$n err $id"; TellBytes $errors 2048
}
Tell "$n ready"; TellBytes 'ok' 2
