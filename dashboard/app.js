const answer = await fetch("/safelight/v1/session");
document.getElementById("state").textContent = answer.ok ? "Logged in" : "Not logged in";
