(()=>{var c=document.getElementById("choices"),u=Array.from(c.querySelectorAll("input[type=checkbox]")),y={gpc:"Global Privacy\
 Control of your browser",dnt:"Do Not Track of your browser",adpc:"a withdrawal or objection by your browser (ADPC)",ledger:"\
your recorded choice",cookie:"your choice in this browser",request:"your choice on this page",basis:"legitimate interest\
, you have not objected",default:"nobody: without your agreement it stays off",unreadable:"your recorded choice could no\
t be read",switch:"switched off for you",restricted:"restricted at your request",erased:"erased at your request"};function r(e){
document.getElementById("said").textContent=e}function i(e){let t=[];if(e.gpc&&t.push("Global Privacy Control"),e.dnt&&t.
push("Do Not Track"),e.adpc&&t.push("a withdrawal or objection (ADPC)"),!t.length)return"";let n=Object.keys(e.purposes).
filter(function(o){return["gpc","dnt","adpc"].includes(e.purposes[o].by)});return"Your browser sends "+t.join(" and ")+"\
. "+(n.length?"It refuses for you: "+n.join(", ")+".":"What you chose yourself while it was on holds.")}function d(e,t){
let n=document.getElementById(e);n&&(n.textContent=t,n.hidden=!t)}function l(e){if(!e){r("The state cannot be read at th\
e moment.");return}d("choices-gpc",i(e)),d("state-signals",i(e));for(let o of u){let s=e.purposes[o.name];s&&(o.checked=
"asks"in o.dataset?s.choice===!0:s.choice===!1)}for(let o of document.querySelectorAll("[data-purpose]")){let s=e.purposes[o.
dataset.purpose];s&&(o.dataset.state=s.allowed?"allow":"deny",o.querySelector("[data-allowed]").textContent=s.allowed?"y\
es":"no",o.querySelector("[data-by]").textContent=y[s.by]||s.by)}let t=document.getElementById("state-visitor");t&&(t.textContent=
e.visitor?"yes, in a cookie that no script can read":"no");let n=document.getElementById("state-version");n&&(n.textContent=
String(e.version)),document.documentElement.dataset.consent="known"}var a=null;function f(e){document.getElementById("ch\
oices-fault").textContent="",c.open&&c.close(),e?c.showModal():c.show(),document.getElementById("choices-title").focus({
preventScroll:!0})}async function h(e){let t={};for(let o of u){let s="asks"in o.dataset;e==="none"?t[o.name]=!1:e==="al\
l"?t[o.name]=!0:t[o.name]=s?o.checked:!o.checked}let n=await window.zgoda.consent(t,{version:c.dataset.version,surface:"\
dialogue"});if(!n){document.getElementById("choices-fault").textContent="Your choice could not be saved. Nothing was cha\
nged; please try again.";return}l(n),c.close(),r("Your choice is saved.")}document.addEventListener("click",function(e){
let t=e.target.closest("button");if(t){if("openChoices"in t.dataset)a=t,f(!0);else if(t.dataset.choose)h(t.dataset.choose);else if("\
add"in t.dataset){let n=document.getElementById("basket");n.textContent=String(Number(n.textContent)+1),window.zgoda.track(
"Product Added",{sku:t.dataset.sku,price:Number(t.dataset.price),currency:"EUR",category:t.dataset.category}),r("Added t\
o the basket.")}}});c.addEventListener("close",function(){document.body.classList.remove("asking");let e=a||document.getElementById(
"main");a=null,e.focus({preventScroll:!0})});window.zgoda.consent().then(function(e){l(e),e&&!e.chosen&&(document.body.classList.
add("asking"),f(!1))});})();
