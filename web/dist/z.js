(()=>{(function(n,a,p){"use strict";var g=a.currentScript||a.querySelector("script[data-key]");if(!g||n.zgoda&&n.zgoda.key)return;
var d=g.getAttribute("data-key")||"",R=new URL(g.src,a.baseURI).origin,I=["utm_source","utm_medium","utm_campaign","utm_\
term","utm_content"].concat((g.getAttribute("data-query")||"").split(/[\s,]+/).filter(Boolean)),T=3e4,_=20,P=250,f=[],m=0,
y=0,S="",k="",u=null,b;function q(){var e=new Uint8Array(16);return n.crypto.getRandomValues(e),Array.prototype.map.call(
e,function(t){return(t+256).toString(16).slice(1)}).join("")}function E(e){var t=new URL(e,a.baseURI),r=new URLSearchParams;
I.forEach(function(c){t.searchParams.getAll(c).forEach(function(s){r.append(c,s)})});var i=r.toString();return t.origin+
t.pathname+(i?"?"+i:"")}function B(){if(k)return k;if(!a.referrer)return"";var e=new URL(a.referrer);return e.origin===n.
location.origin?e.origin+e.pathname:e.origin+"/"}function o(e){return function(){try{return e.apply(null,arguments)}catch(t){}}}
function l(){if(n.clearTimeout(y),y=0,!!f.length){var e={key:d,sentAt:new Date().toISOString(),events:f};p.globalPrivacyControl===
!0&&(e.gpc=!0),u&&(e.consent=u),f=[],m=0;var t=JSON.stringify(e),r=R+"/e";p.sendBeacon&&p.sendBeacon(r,new Blob([t],{type:"\
text/plain"}))||n.fetch(r,{method:"POST",body:t,credentials:"include",keepalive:t.length<T,headers:{"Content-Type":"text\
/plain"}}).catch(function(){})}}function O(e,t){var r={type:e,messageId:q(),timestamp:new Date().toISOString()};r.page={
url:E(n.location.href)};var i=B();i&&(r.page.referrer=i),Object.keys(t).forEach(function(s){t[s]!==void 0&&t[s]!==null&&
(r[s]=t[s])});var c=JSON.stringify(r).length;f.length&&m+c>T&&l(),f.push(r),m+=c,f.length>=_?l():y||(y=n.setTimeout(o(l),
P))}function N(e,t){e&&O("track",{name:String(e),properties:t})}function A(e,t){S=E(n.location.href),O("page",{name:e&&String(
e),properties:t})}function C(e,t,r){e&&L().then(o(function(i){!i||!i.visitor||O("identify",{userId:String(e),properties:t,
proof:r&&r.proof})}))}function U(e,t){return n.fetch(R+"/consent"+(t?"":"?key="+encodeURIComponent(d)),{method:e,body:t,
credentials:"include",cache:"no-store",headers:t?{"Content-Type":"text/plain"}:{}}).then(function(r){return r.ok?r.json():
null}).then(function(r){return r&&(b=r.version),r}).catch(function(){return null})}function L(){return U("GET")}function x(e,t){
if(!e)return L();t=t||{},Object.keys(e).forEach(function(i){e[i]||(u=u||{},u[i]=!1)}),l();var r=t.version!==void 0||b!==
void 0?Promise.resolve():L();return r.then(function(){return U("POST",JSON.stringify({key:d,choices:e,version:String(t.version!==
void 0?t.version:b),locale:t.locale||a.documentElement.lang||p.language,surface:t.surface||"dialogue"}))}).then(function(i){
return!i||!u||(Object.keys(e).forEach(function(c){e[c]&&delete u[c]}),Object.keys(u).length||(u=null)),i})}var v={track:N,
page:A,identify:C,consent:x};function h(e){return v[e]&&v[e].apply(null,Array.prototype.slice.call(arguments,1))}Object.
keys(v).forEach(function(e){v[e]=h[e]=o(v[e])}),h.key=d;var J=n.zgoda&&n.zgoda.q||[];n.zgoda=h;function j(){var e=E(n.location.
href);e!==S&&(k=S.split("?")[0],A())}function z(){g.getAttribute("data-auto")!=="off"&&(A(),["pushState","replaceState"].
forEach(function(e){var t=n.history[e];n.history[e]=function(){var r=t.apply(this,arguments);return o(j)(),r}}),n.addEventListener(
"popstate",o(j))),Array.prototype.forEach.call(J,function(e){h.apply(null,e)}),a.addEventListener("visibilitychange",o(function(){
a.visibilityState==="hidden"&&l()})),n.addEventListener("pagehide",o(l))}a.prerendering?a.addEventListener("prerendering\
change",o(z),{once:!0}):o(z)()})(window,document,navigator);})();
