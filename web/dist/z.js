(()=>{(function(n,a,d){"use strict";var g=a.currentScript||a.querySelector("script[data-key]");if(!g||n.zgoda&&n.zgoda.key)return;
var p=g.getAttribute("data-key")||"",R=new URL(g.src,a.baseURI).origin,_=["utm_source","utm_medium","utm_campaign","utm_\
term","utm_content"].concat((g.getAttribute("data-query")||"").split(/[\s,]+/).filter(Boolean)),T=3e4,P=20,q=250,f=[],m=0,
y=0,S="",k="",u=null,b;function B(){var e=new Uint8Array(16);return n.crypto.getRandomValues(e),Array.prototype.map.call(
e,function(t){return(t+256).toString(16).slice(1)}).join("")}function E(e){var t=new URL(e,a.baseURI),r=new URLSearchParams;
_.forEach(function(c){t.searchParams.getAll(c).forEach(function(s){r.append(c,s)})});var i=r.toString();return t.origin+
t.pathname+(i?"?"+i:"")}function O(e){var t=/^[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?(?![^-])/i.exec(e||"");return t?t[0]:void 0}
function N(){if(k)return k;if(!a.referrer)return"";var e=new URL(a.referrer);return e.origin===n.location.origin?e.origin+
e.pathname:e.origin+"/"}function o(e){return function(){try{return e.apply(null,arguments)}catch(t){}}}function l(){if(n.
clearTimeout(y),y=0,!!f.length){var e={key:p,sentAt:new Date().toISOString(),events:f};d.globalPrivacyControl===!0&&(e.gpc=
!0),u&&(e.consent=u),f=[],m=0;var t=JSON.stringify(e),r=R+"/e";d.sendBeacon&&d.sendBeacon(r,new Blob([t],{type:"text/pla\
in"}))||n.fetch(r,{method:"POST",body:t,credentials:"include",keepalive:t.length<T,headers:{"Content-Type":"text/plain"}}).
catch(function(){})}}function A(e,t){var r={type:e,messageId:B(),timestamp:new Date().toISOString()};r.page={url:E(n.location.
href)};var i=N();i&&(r.page.referrer=i),Object.keys(t).forEach(function(s){t[s]!==void 0&&t[s]!==null&&(r[s]=t[s])});var c=JSON.
stringify(r).length;f.length&&m+c>T&&l(),f.push(r),m+=c,f.length>=P?l():y||(y=n.setTimeout(o(l),q))}function x(e,t){e&&A(
"track",{name:String(e),properties:t})}function z(e,t){S=E(n.location.href),A("page",{name:e&&String(e),properties:t})}function C(e,t,r){
e&&L().then(o(function(i){!i||!i.visitor||A("identify",{userId:String(e),properties:t,proof:r&&r.proof})}))}function U(e,t){
return n.fetch(R+"/consent"+(t?"":"?key="+encodeURIComponent(p)),{method:e,body:t,credentials:"include",cache:"no-store",
headers:t?{"Content-Type":"text/plain"}:{}}).then(function(r){return r.ok?r.json():null}).then(function(r){return r&&(b=
r.version),r}).catch(function(){return null})}function L(){return U("GET")}function J(e,t){if(!e)return L();t=t||{},Object.
keys(e).forEach(function(i){e[i]||(u=u||{},u[i]=!1)}),l();var r=t.version!==void 0||b!==void 0?Promise.resolve():L();return r.
then(function(){return U("POST",JSON.stringify({key:p,choices:e,version:String(t.version!==void 0?t.version:b),locale:O(
t.locale)||O(a.documentElement.lang)||O(d.language),surface:t.surface||"dialogue"}))}).then(function(i){return!i||!u||(Object.
keys(e).forEach(function(c){e[c]&&delete u[c]}),Object.keys(u).length||(u=null)),i})}var v={track:x,page:z,identify:C,consent:J};
function h(e){return v[e]&&v[e].apply(null,Array.prototype.slice.call(arguments,1))}Object.keys(v).forEach(function(e){v[e]=
h[e]=o(v[e])}),h.key=p;var D=n.zgoda&&n.zgoda.q||[];n.zgoda=h;function j(){var e=E(n.location.href);e!==S&&(k=S.split("?")[0],
z())}function I(){g.getAttribute("data-auto")!=="off"&&(z(),["pushState","replaceState"].forEach(function(e){var t=n.history[e];
n.history[e]=function(){var r=t.apply(this,arguments);return o(j)(),r}}),n.addEventListener("popstate",o(j))),Array.prototype.
forEach.call(D,function(e){h.apply(null,e)}),a.addEventListener("visibilitychange",o(function(){a.visibilityState==="hid\
den"&&l()})),n.addEventListener("pagehide",o(l))}a.prerendering?a.addEventListener("prerenderingchange",o(I),{once:!0}):
o(I)()})(window,document,navigator);})();
